import { fileURLToPath } from 'node:url';

/** A model that the package ships. */
export interface EmbeddedModel {
  readonly folder: string;
  /** What its images show when nobody says it. */
  readonly prompt: string;
}

const EMBEDDED: Readonly<Record<string, EmbeddedModel>> = {
  portraits: { folder: fileURLToPath(new URL('../../models/portraits-lcm', import.meta.url)), prompt: 'a portrait of a person' },
};

export const DEFAULT_MODEL = 'portraits';
/** What images show when nobody says it, of a model that knows more than one thing. */
const ANY_IMAGE = 'a photo';

/**
 * A model by the name of an embedded one, or by the path of its folder. A name always means the embedded model: a folder of that name in the
 * working directory is `./portraits`.
 */
export function findModel(nameOrPath: string = DEFAULT_MODEL): EmbeddedModel {
  return Object.hasOwn(EMBEDDED, nameOrPath) ? EMBEDDED[nameOrPath]! : { folder: nameOrPath, prompt: ANY_IMAGE };
}

/** Folder of an embedded model, with its weights, samples and licence. */
export const embeddedModelFolder = (name: string = DEFAULT_MODEL): string => findModel(name).folder;
