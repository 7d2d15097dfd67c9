import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LatinoError } from '../errors.js';
import type { WeightInfo, WeightStore } from '../graph/weights.js';
import { readModelJson } from './json_file.js';
import { openSafetensors, type SafetensorsFile } from './safetensors.js';

const ShardIndex = z.object({ weight_map: z.record(z.string(), z.string()) });

/** The names that diffusers and transformers write, without and with a variant. */
const STEMS = ['diffusion_pytorch_model', 'model'];
const PLAIN = STEMS.flatMap((stem) => [`${stem}.safetensors`, `${stem}.safetensors.index.json`]);
const FP16 = STEMS.flatMap((stem) => [
  `${stem}.fp16.safetensors`,
  `${stem}.safetensors.index.fp16.json`,
  `${stem}.fp16.safetensors.index.json`,
]);

const PICKLE = /\.(bin|pt|pth|ckpt|pkl)$/;

/** The weights of one component, over one or several .safetensors files. */
export class FolderWeights implements WeightStore {
  constructor(
    readonly folder: string,
    readonly files: readonly SafetensorsFile[],
    readonly tensors: ReadonlyMap<string, WeightInfo>,
    readonly bytes: number = files.reduce((sum, { size }) => sum + size, 0),
  ) {}

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  get(name: string, shape: readonly number[]): WeightInfo {
    const info = this.tensors.get(name);
    const expected = `[${shape.join(', ')}]`;
    if (!info) {
      const dtype = this.files.map((file) => file.otherDtypes.get(name)).find(Boolean);
      const found = dtype ? `has weight ${name} as ${dtype}, expected F32, F16 or BF16` : `has no weight ${name}, expected one`;
      throw new LatinoError('ERR_LATINO_MODEL', `${this.folder} ${found} of shape ${expected}`);
    }
    if (info.shape.length !== shape.length || info.shape.some((n, i) => n !== shape[i])) {
      throw new LatinoError(
        'ERR_LATINO_MODEL',
        `${info.path} has weight ${name} of shape [${info.shape.join(', ')}], expected ${expected}`,
      );
    }
    return info;
  }
}

/** Which of a component's weights: `full` as they were trained, `fp16` in half precision. */
export type Variant = 'full' | 'fp16';
const PREFERRED: Readonly<Record<Variant, readonly string[]>> = { full: [...PLAIN, ...FP16], fp16: [...FP16, ...PLAIN] };

/**
 * The name of the file with a component's weights, or of the index of its shards: of the variant where there is one, else of the other.
 *
 * @param folder as errors name it
 * @throws LatinoError ERR_LATINO_MODEL when there are none, or only pickles
 */
export function chooseWeights(folder: string, names: readonly string[], variant: Variant): string {
  const candidates = PREFERRED[variant];
  const chosen = candidates.find((candidate) => names.includes(candidate));
  if (chosen !== undefined) return chosen;
  const pickle = names.find((name) => PICKLE.test(name));
  if (pickle && !names.some((name) => name.endsWith('.safetensors'))) {
    throw new LatinoError(
      'ERR_LATINO_MODEL',
      `${folder} has its weights only as ${pickle}, a pickle, which is never executed; use .safetensors weights`,
    );
  }
  const expected = candidates.filter((name) => name.endsWith('.safetensors')).join(', ');
  throw new LatinoError('ERR_LATINO_MODEL', `${folder} has no weights, expected one of ${expected} or an index of shards`);
}

/**
 * The weights in a component's folder, as `chooseWeights` finds them.
 * @throws LatinoError ERR_LATINO_MODEL when there are none, only pickles, or a file or shard is missing or invalid.
 */
export async function openWeights(folder: string, { variant = 'full' }: { variant?: Variant } = {}): Promise<FolderWeights> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    throw new LatinoError('ERR_LATINO_MODEL', `Expected a folder with weights at ${folder} (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    });
  }
  const chosen = chooseWeights(folder, names, variant);
  if (chosen.endsWith('.json')) return openShards(folder, join(folder, chosen));
  const file = await openSafetensors(join(folder, chosen));
  return new FolderWeights(folder, [file], file.tensors);
}

/** The weights in a file by itself. @throws LatinoError ERR_LATINO_MODEL when it is a pickle, or invalid */
export async function openWeightsFile(path: string): Promise<FolderWeights> {
  if (PICKLE.test(path)) {
    throw new LatinoError(
      'ERR_LATINO_MODEL',
      `${path} is a pickle, which is never executed; expected .safetensors weights (the safetensors library of Python writes them: save_file(torch.load(path, weights_only=True), ...))`,
    );
  }
  const file = await openSafetensors(path);
  return new FolderWeights(path, [file], file.tensors);
}

/** The shard of each tensor, as an index of shards says. @throws LatinoError ERR_LATINO_MODEL when it is none, or names what is no file beside it */
export function parseShardIndex(json: unknown, indexPath: string): Readonly<Record<string, string>> {
  const parsed = ShardIndex.safeParse(json);
  if (!parsed.success)
    throw new LatinoError('ERR_LATINO_MODEL', `${indexPath} has no valid weight_map, expected an object of tensor names and file names`);
  const stranger = Object.values(parsed.data.weight_map).find((name) => !/^[^/\\:]+\.safetensors$/.test(name));
  if (stranger !== undefined) {
    throw new LatinoError(
      'ERR_LATINO_MODEL',
      `${indexPath} names the shard ${JSON.stringify(stranger)}, expected the name of a .safetensors file beside it`,
    );
  }
  return parsed.data.weight_map;
}

async function openShards(folder: string, indexPath: string): Promise<FolderWeights> {
  const shards = parseShardIndex(await readModelJson(indexPath), indexPath);
  const files = new Map<string, SafetensorsFile>();
  for (const name of new Set(Object.values(shards))) files.set(name, await openSafetensors(join(folder, name)));
  const tensors = new Map<string, WeightInfo>();
  for (const [tensor, name] of Object.entries(shards)) {
    const file = files.get(name)!;
    const info = file.tensors.get(tensor);
    if (info) tensors.set(tensor, info);
    else if (!file.otherDtypes.has(tensor)) {
      throw new LatinoError('ERR_LATINO_MODEL', `${file.path} has no tensor ${tensor}, expected it there by ${indexPath}`);
    }
  }
  return new FolderWeights(folder, [...files.values()], tensors);
}
