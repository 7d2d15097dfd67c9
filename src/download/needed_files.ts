import { LORA_FILE } from '../checkpoint/lora.js';
import { chooseWeights, parseShardIndex, type Variant } from '../checkpoint/weights_folder.js';
import { LatinoError } from '../errors.js';
import type { Repository, RepositoryFile } from './repository.js';

/** What a repository is to a restoration: a whole model, a LoRA, a network by itself, or files that were asked for by name. */
export type Kind = 'model' | 'lora' | 'part' | 'files';

/** The configurations that are read, of each folder of a model. */
const CONFIGS: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(['unet', 'vae', 'text_encoder', 'text_encoder_2'].map((part) => [part, ['config.json']])),
  scheduler: ['scheduler_config.json'],
  ...Object.fromEntries(
    ['tokenizer', 'tokenizer_2'].map((part) => [part, ['vocab.json', 'merges.txt', 'tokenizer_config.json', 'special_tokens_map.json']]),
  ),
};

/** @throws LatinoError ERR_LATINO_MODEL when it is nothing that a restoration could use */
export function kindOf({ name, files }: Repository): Kind {
  if (files.has('model_index.json')) return 'model';
  if (files.has(LORA_FILE)) return 'lora';
  if (files.has('config.json')) return 'part';
  const found = `Expected model_index.json, ${LORA_FILE} or config.json in ${name} but found ${looseWeights(files)}`;
  throw new LatinoError('ERR_LATINO_MODEL', `${found}; --file downloads a .safetensors file by its name`);
}

/** The files that are read before any weight. */
export function configFiles({ files }: Repository, kind: Kind): RepositoryFile[] {
  const ofFolders = Object.entries(CONFIGS).flatMap(([folder, names]) => names.map((file) => `${folder}/${file}`));
  const paths = { model: ['model_index.json', ...ofFolders], part: ['config.json'], lora: [], files: [] }[kind];
  return paths.flatMap((path) => files.get(path) ?? []);
}

/** @throws LatinoError ERR_LATINO_MODEL when the repository has no such file, or it is a pickle */
export function namedFile({ name, files }: Repository, path: string): RepositoryFile {
  if (!path.endsWith('.safetensors'))
    throw new LatinoError('ERR_LATINO_MODEL', `Expected a .safetensors file of ${name} but received ${path}; pickles are never executed`);
  const file = files.get(path);
  if (file) return file;
  throw new LatinoError('ERR_LATINO_MODEL', `Expected ${path} in ${name} but it has ${looseWeights(files)}`);
}

/**
 * One variant of the weights in a folder of the repository ('' is its top): the file, or the index of shards and the shards.
 *
 * @throws LatinoError ERR_LATINO_MODEL when there are none, only pickles, or shards are missing
 */
export async function weightFiles(
  repository: Repository,
  folder: string,
  variant: Variant,
  readJson: (file: RepositoryFile) => Promise<unknown>,
): Promise<RepositoryFile[]> {
  const { name, files } = repository;
  const within = folder === '' ? '' : `${folder}/`;
  const names = [...files.keys()].filter((path) => path.startsWith(within)).map((path) => path.slice(within.length));
  const chosen = files.get(within + chooseWeights(`${name}/${folder}`.replace(/\/$/, ''), names, variant))!;
  if (!chosen.path.endsWith('.json')) return [chosen];
  const shards = new Set(Object.values(parseShardIndex(await readJson(chosen), `${name}/${chosen.path}`)));
  return [chosen, ...[...shards].map((shard) => namedFile(repository, within + shard))];
}

const MOST_LISTED = 6;

function looseWeights(files: Repository['files']): string {
  const paths = [...files.keys()].filter((path) => path.endsWith('.safetensors'));
  if (paths.length === 0) return 'no .safetensors file';
  return paths.slice(0, MOST_LISTED).join(', ') + (paths.length > MOST_LISTED ? ` and ${paths.length - MOST_LISTED} more` : '');
}
