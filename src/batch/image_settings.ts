import { access } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { readGrey } from '../operator_files.js';
import { type Operator, parseOperator } from '../operators/index.js';
import { Embedding } from '../prior/embedding.js';
import type { BatchEntry } from './entry.js';
import type { ImageSettings } from './identity.js';

/** What an image is restored with, and what the result is held against. */
export interface Resolved {
  readonly settings: ImageSettings;
  readonly reference?: string;
}

/** Operators and embeddings of manifests that are kept: as many different ones as are in use at a time. */
const KEPT = 32;

/** Reads the files that lines of manifests name, each once while it is in use. */
export class SettingsReader {
  private readonly operators = new Recent<Operator>();
  private readonly embeddings = new Recent<Embedding>();

  constructor(
    private readonly common: ImageSettings,
    private readonly references: string | undefined,
  ) {}

  /** @throws LatinoError as `parseOperator` and `Embedding.load` do */
  async of({ name, line, base = '.' }: BatchEntry): Promise<Resolved> {
    const reference = line?.reference === undefined ? await this.referenceOf(name) : resolve(base, line.reference);
    if (!line) return { settings: this.common, reference };
    const { input: _, output: __, reference: ___, operator, embedding, ...own } = line;
    const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
    const at = (path: string): string => resolve(base, path);
    const settings: ImageSettings = {
      ...this.common,
      // A prompt of its own takes the place of the embedding of all.
      ...(own.prompt === undefined ? {} : { embedding: undefined }),
      ...given,
      ...(operator === undefined
        ? {}
        : { operator: await this.operators.get(`${base} ${operator}`, () => parseOperator(operator, (path) => readGrey(at(path)))) }),
      ...(embedding === undefined ? {} : { embedding: await this.embeddings.get(at(embedding), () => Embedding.load(at(embedding))) }),
    };
    return { settings, reference };
  }

  /** A file of the image's relative path, with its extension or that of a lossless one. */
  private async referenceOf(name: string): Promise<string | undefined> {
    if (this.references === undefined) return undefined;
    const stem = name.slice(0, name.length - extname(name).length);
    for (const candidate of [name, `${stem}.png`, `${stem}.tif`, `${stem}.jpg`]) {
      const path = join(this.references, candidate);
      const isThere = await access(path).then(
        () => true,
        () => false,
      );
      if (isThere) return path;
    }
    return undefined;
  }
}

/** The values asked for last. */
class Recent<Value> {
  private readonly values = new Map<string, Promise<Value>>();

  get(key: string, make: () => Promise<Value>): Promise<Value> {
    const value = this.values.get(key) ?? make();
    this.values.delete(key);
    this.values.set(key, value);
    if (this.values.size > KEPT) this.values.delete(this.values.keys().next().value!);
    return value;
  }
}
