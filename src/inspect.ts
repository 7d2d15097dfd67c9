import { z } from 'zod';
import type { CheckpointDescription } from './checkpoint/checkpoint.js';
import { findModel } from './checkpoint/embedded_models.js';
import { openCheckpoint } from './checkpoint/open_checkpoint.js';
import { LatinoError } from './errors.js';
import { source } from './options.js';
import { type Prediction, predict } from './prediction.js';
import { readModel, stepGraphs, textGraph } from './prior/read_model.js';
import { parseOptions } from './schema.js';

/** What a model asks for, as its configurations say. */
export interface ModelUse {
  readonly family: string;
  /** Side in pixels of the square images that it was trained on; larger ones go through it in windows. */
  readonly nativeSize: number;
  /** Images whose sides are no multiples of this are mirrored up to the next. */
  readonly multiple: number;
  /** Of a prompt, with the first and the last. */
  readonly tokens: number;
  /** The guidance scale that is built in unless told otherwise, where it takes one. */
  readonly guidance?: number;
  /** On Hugging Face's hub, a LoRA to add (`loras`) where the files do not say that it is a latent consistency model by itself. */
  readonly lcmLora?: string;
}

export interface ModelDescription extends CheckpointDescription {
  /** Not there where the model cannot be used. */
  readonly use?: ModelUse;
  /** Why it cannot be used, where it cannot. */
  readonly problem?: string;
  /** What restoring a picture of the size that was asked for will take, by estimate. */
  readonly prediction?: Prediction;
}

const Side = z.int().min(1).max(100_000);
export const InspectOptions = z.strictObject({
  ...source,
  /** Of a picture: what restoring it will take is predicted, for which this machine is measured for about a second. */
  size: z.strictObject({ width: Side, height: Side }).optional(),
});
export type InspectOptions = Readonly<z.input<typeof InspectOptions>>;

/**
 * What a model consists of, with the parts and changes that `Latino.load` would be given, and whether it can be used; no weight of it is read.
 *
 * @param model a diffusers folder, a checkpoint in a single .safetensors file, the name of a model in Hugging Face's cache, or of an embedded model
 * @throws LatinoError ERR_LATINO_MODEL when there is no model or part, or its weights cannot be read; ERR_LATINO_ARGUMENT; with `size` ERR_LATINO_ADDON
 */
export async function inspectModel(model?: string, options: InspectOptions = {}): Promise<ModelDescription> {
  const { size, ...parts } = parseOptions(InspectOptions, options, { code: 'ERR_LATINO_ARGUMENT', what: 'options of inspectModel' });
  const { folder } = findModel(model);
  const checkpoint = await openCheckpoint(folder, parts);
  const description = await checkpoint.describe();
  try {
    const files = await readModel(folder, parts);
    stepGraphs(files);
    for (const text of files.texts) await textGraph(text);
    const { family, nativeSize, multiple, texts, guidance, isConsistencyModel } = files;
    const lcmLora = isConsistencyModel ? undefined : family.lcmLora;
    const use = { family: family.title, nativeSize, multiple, tokens: texts[0]!.tokenizer.maxLength, guidance, lcmLora };
    if (!size) return { ...description, use };
    const used = description.components.filter((component) => component.used).map(({ name }) => checkpoint.weights(name));
    return { ...description, use, prediction: await predict(files, await Promise.all(used), size) };
  } catch (error) {
    if (!(error instanceof LatinoError) || error.code === 'ERR_LATINO_ADDON') throw error;
    return { ...description, problem: error.message };
  }
}
