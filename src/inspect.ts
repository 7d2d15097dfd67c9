import type { CheckpointDescription } from './checkpoint/checkpoint.js';
import { findModel } from './checkpoint/embedded_models.js';
import { openCheckpoint } from './checkpoint/open_checkpoint.js';
import { LatinoError } from './errors.js';
import { readModel, stepGraphs, textGraph } from './prior/read_model.js';

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
}

/**
 * What a model consists of, and whether it can be used; no weight of it is read.
 *
 * @param model a diffusers folder, a checkpoint in a single .safetensors file, the name of a model in Hugging Face's cache, or of an embedded model
 * @throws LatinoError ERR_LATINO_MODEL when there is no model, or its weights cannot be read
 */
export async function inspectModel(model?: string): Promise<ModelDescription> {
  const { folder } = findModel(model);
  const description = await (await openCheckpoint(folder)).describe();
  try {
    const files = await readModel(folder);
    stepGraphs(files);
    for (const text of files.texts) await textGraph(text);
    const { family, nativeSize, multiple, texts, guidance, isConsistencyModel } = files;
    const lcmLora = isConsistencyModel ? undefined : family.lcmLora;
    const use = { family: family.title, nativeSize, multiple, tokens: texts[0]!.tokenizer.maxLength, guidance, lcmLora };
    return { ...description, use };
  } catch (error) {
    if (!(error instanceof LatinoError)) throw error;
    return { ...description, problem: error.message };
  }
}
