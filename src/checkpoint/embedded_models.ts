import { fileURLToPath } from 'node:url';

/** The images that a model of one subject was trained on; it draws them whatever it is given. */
export interface KnownImages {
  /** In the plural, for messages. */
  readonly subject: string;
  readonly width: number;
  readonly height: number;
  /** How far (root mean square, on the [-1, 1] scale) its last estimate misses a measurement of an image that it does not know, beyond the noise. */
  readonly misfit: number;
}

/** A model that the package ships, or one in a folder. */
export interface FoundModel {
  readonly folder: string;
  /** What its images show when nobody says it. */
  readonly prompt: string;
  /** Nothing where the model knows more than one subject. */
  readonly knows?: KnownImages;
}

/** What images show when nobody says it, of a model that knows more than one thing. */
const ANY_IMAGE = 'a photo';

const EMBEDDED: Readonly<Record<string, FoundModel>> = {
  photos: { folder: fileURLToPath(new URL('../../models/photos-lcm', import.meta.url)), prompt: ANY_IMAGE },
  portraits: {
    folder: fileURLToPath(new URL('../../models/portraits-lcm', import.meta.url)),
    prompt: 'a portrait of a person',
    // Measured: docs/decisions/0009-images-that-a-model-does-not-know.md
    knows: { subject: 'cartoon portraits', width: 128, height: 128, misfit: 0.12 },
  },
};

export const EMBEDDED_MODELS: readonly string[] = Object.keys(EMBEDDED);

export const DEFAULT_MODEL = 'photos';

/**
 * A model by the name of an embedded one, or by the path of its folder. A name always means the embedded model: a folder of that name in the
 * working directory is `./photos`.
 */
export function findModel(nameOrPath: string = DEFAULT_MODEL): FoundModel {
  return Object.hasOwn(EMBEDDED, nameOrPath) ? EMBEDDED[nameOrPath]! : { folder: nameOrPath, prompt: ANY_IMAGE };
}

/** Folder of an embedded model, with its weights, samples and licence. */
export const embeddedModelFolder = (name: string = DEFAULT_MODEL): string => findModel(name).folder;
