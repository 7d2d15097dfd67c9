import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { USED } from './checkpoint/checkpoint.js';
import { LORA_FILE, Lora } from './checkpoint/lora.js';
import { openCheckpoint } from './checkpoint/open_checkpoint.js';
import { isSingleFile } from './checkpoint/single_file/single_file.js';
import { openWeights, openWeightsFile } from './checkpoint/weights_folder.js';
import { LatinoError } from './errors.js';
import { filesIn } from './folder_files.js';
import { inspectModel } from './inspect.js';
import { memoryBudget } from './memory_budget.js';
import { memoryNeed } from './memory_need.js';
import { readPart } from './prior/model_structure.js';
import { readModel } from './prior/read_model.js';
import { stepWork } from './prior/step_work.js';

/** What a downloaded folder is to a restoration: a whole model, or what is added to one or takes the place of a part. */
export interface ModelSummary {
  readonly kind: 'model' | 'lora' | 'unet' | 'vae' | 'weights' | 'unknown';
  /** In words: `Stable Diffusion 1.x`, `LoRA`. */
  readonly family?: string;
  /** Why it cannot be used, where it cannot. */
  readonly problem?: string;
  /** Of a model that is no latent consistency model by itself: a LoRA that makes one of it. */
  readonly lcmLora?: string;
  /** Bytes that a process takes, about, while it restores with this model on a CPU, at its native size. */
  readonly memory?: number;
}

/** @throws what is no LatinoError: a folder that cannot be read, say */
export async function summariseModel(folder: string): Promise<ModelSummary> {
  const has = (name: string): boolean => existsSync(join(folder, name));
  if (has('model_index.json')) return unlessProblem('model', () => summariseWhole(folder));
  if (has(LORA_FILE)) return unlessProblem('lora', () => summariseLora(folder));
  if (has('config.json')) return unlessProblem('unknown', () => summarisePart(folder));
  const weights = await looseWeights(folder);
  if (weights.length > 0) return summariseFiles(folder, weights);
  return { kind: 'unknown', problem: `Expected model_index.json, ${LORA_FILE} or config.json but found none` };
}

/** The .safetensors files of a folder that is no model by itself. */
export async function looseWeights(folder: string): Promise<string[]> {
  if (['model_index.json', LORA_FILE, 'config.json'].some((name) => existsSync(join(folder, name)))) return [];
  return (await filesIn(folder)).flatMap(({ path }) => (path.endsWith('.safetensors') ? path : []));
}

/** The same of files with weights by themselves, of which one may be a whole model. */
export function summariseFiles(folder: string, paths: readonly string[]): Promise<ModelSummary> {
  return unlessProblem('weights', async () => {
    const opened = await Promise.all(paths.map((path) => openWeightsFile(join(folder, path))));
    if (opened.length === 1 && isSingleFile(opened[0]!.files[0]!)) return summariseWhole(join(folder, paths[0]!));
    return { kind: 'weights', family: paths.join(', ') };
  });
}

/** @param path a folder or a single file */
async function summariseWhole(path: string): Promise<ModelSummary> {
  const { use, problem } = await inspectModel(path);
  if (!use) return { kind: 'model', problem };
  const checkpoint = await openCheckpoint(path);
  const parts = USED.filter((part) => checkpoint.className(part) !== undefined);
  const weights = await Promise.all(parts.map((part) => checkpoint.weights(part)));
  const { activations } = stepWork(
    await readModel(path),
    { width: use.nativeSize, height: use.nativeSize },
    memoryBudget('balanced', { kind: 'cpu' }),
  );
  return { kind: 'model', family: use.family, lcmLora: use.lcmLora, memory: memoryNeed(weights, activations) };
}

async function summariseLora(folder: string): Promise<ModelSummary> {
  await Lora.open({ path: folder });
  return { kind: 'lora', family: 'LoRA' };
}

async function summarisePart(folder: string): Promise<ModelSummary> {
  const kind = await readPart(folder);
  await openWeights(folder);
  return { kind, family: { unet: 'UNet', vae: 'Autoencoder' }[kind] };
}

async function unlessProblem(kind: ModelSummary['kind'], summarise: () => Promise<ModelSummary>): Promise<ModelSummary> {
  try {
    return await summarise();
  } catch (error) {
    if (!(error instanceof LatinoError)) throw error;
    return { kind, problem: error.message };
  }
}
