import { stat } from 'node:fs/promises';
import type { Checkpoint, Component } from './checkpoint.js';
import { openComponentFolder, openDiffusersFolder } from './diffusers_folder.js';
import { resolveModelFolder } from './hugging_face_cache.js';
import { openPartOf, openSingleFile, openVae } from './single_file/single_file.js';

/**
 * What takes the place of a model's own parts: a folder, as diffusers saves one by itself, or a .safetensors file with the weights of a network that
 * is built as the model's own, as DMD2's UNet is published; a whole checkpoint in one file has them, too.
 */
export interface ReplacedParts {
  readonly unet?: string;
  readonly vae?: string;
  readonly textEncoder?: string;
  readonly textEncoder2?: string;
  /** Not in the place of the model's own: for the steps before the last. */
  readonly autoencoder?: string;
}

/** The component that `ReplacedParts.autoencoder` becomes, beside the model's own vae. */
export const STEP_AUTOENCODER = 'step_autoencoder';

/**
 * Opens a diffusers folder or a checkpoint in a single file, by its path or its name in Hugging Face's cache.
 *
 * @throws LatinoError ERR_LATINO_MODEL when there is none, or a part is none, or the model has no such part
 */
export async function openCheckpoint(
  path: string,
  { unet, vae, textEncoder, textEncoder2, autoencoder }: ReplacedParts = {},
): Promise<Checkpoint> {
  const place = await resolveModelFolder(path);
  let checkpoint = (await isFile(place)) ? await openSingleFile(place, vae !== undefined) : await openDiffusersFolder(path);
  const step = autoencoder === undefined ? undefined : await openPart(checkpoint, 'vae', autoencoder);
  for (const [name, part] of Object.entries({ unet, vae, text_encoder: textEncoder, text_encoder_2: textEncoder2 }))
    if (part !== undefined) checkpoint = checkpoint.with(name, await openPart(checkpoint, name, part));
  return step ? checkpoint.with(STEP_AUTOENCODER, step) : checkpoint;
}

async function openPart(checkpoint: Checkpoint, name: string, path: string): Promise<Component> {
  const place = await resolveModelFolder(path);
  if (!(await isFile(place))) return openComponentFolder(place);
  const isMissing = name === 'vae' && checkpoint.layout === 'single-file' && checkpoint.className(name) === undefined;
  return isMissing ? openVae(place, checkpoint) : openPartOf(checkpoint.component(name), name, place);
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
