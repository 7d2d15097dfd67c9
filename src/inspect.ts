import { type CheckpointDescription, openDiffusersFolder } from './checkpoint/diffusers_folder.js';
import { findModel } from './checkpoint/embedded_models.js';

/**
 * What a model's folder holds; nothing of it is loaded.
 *
 * @param model a diffusers folder, or the name of an embedded model
 * @throws LatinoError ERR_LATINO_MODEL when there is no model, or its weights cannot be read
 */
export async function inspectModel(model?: string): Promise<CheckpointDescription> {
  return (await openDiffusersFolder(findModel(model).folder)).describe();
}
