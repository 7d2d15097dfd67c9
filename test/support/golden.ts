import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';

/** Another folder of reference data than the repository's own, which may hold a part of it. */
const named = process.env.LATINO_GOLDEN;
const root = resolve(named ?? fileURLToPath(new URL('../golden', import.meta.url)));

/** A path in the folder of reference data: LATINO_GOLDEN, or test/golden. */
export function goldenPath(relative: string): string {
  return join(root, relative);
}

/** An index file of the reference data; read inside `goldenSet` only, which has looked whether it is there. */
export function readGolden<T>(relative: string): T {
  return JSON.parse(readFileSync(goldenPath(relative), 'utf8')) as T;
}

/**
 * Registers the tests of a reference set. Where the folder lacks a file or folder that they need, one test says so: it is skipped where
 * LATINO_GOLDEN names the folder, and fails where it is the repository's own.
 */
export function goldenSet(name: string, needs: readonly string[], tests: () => void): void {
  const lacking = needs.filter((path) => !existsSync(goldenPath(path)));
  if (lacking.length === 0) describe(name, tests);
  else if (named !== undefined) it.skip(`${name}: not run, there is no ${lacking.join(', ')}`);
  else {
    it(name, () => {
      throw new Error(`Expected ${lacking.join(', ')} in ${root} but found none`);
    });
  }
}

interface ModelIndex {
  readonly tolerance: Readonly<Record<string, number | string>>;
  readonly files: Readonly<Record<string, { readonly tensors?: Readonly<Record<string, unknown>> }>>;
}

/** A checkpoint folder below models/, as models/index.json lists it. */
export interface ModelSet {
  readonly name: string;
  /** Folders of the set with a config.json; '' is the set's own. */
  readonly components: readonly string[];
  readonly files: readonly string[];
  /** Names in io.safetensors. */
  readonly tensors: readonly string[];
}

export const MODEL_INDEX = 'models/index.json';

/** The checkpoints that models/index.json names, whether or not they are there; none without an index. */
export function modelSets(): ModelSet[] {
  if (!existsSync(goldenPath(MODEL_INDEX))) return [];
  const { files } = readGolden<ModelIndex>(MODEL_INDEX);
  const names = new Set(Object.keys(files).flatMap((path) => (path.includes('/') ? [path.slice(0, path.indexOf('/'))] : [])));
  return [...names].map((name) => {
    const own = Object.keys(files).flatMap((path) => (path.startsWith(`${name}/`) ? [path.slice(name.length + 1)] : []));
    const components = own.flatMap((path) => (/(^|\/)config\.json$/.test(path) ? [path.replace(/\/?config\.json$/, '')] : []));
    return { name, components, files: own, tensors: Object.keys(files[`${name}/io.safetensors`]?.tensors ?? {}) };
  });
}

/** The index's tolerance for one tensor of one component. */
export function modelTolerance(component: string, tensor: string): number {
  const { tolerance } = readGolden<ModelIndex>(MODEL_INDEX);
  const matches = (key: string): boolean =>
    key
      .split(', ')
      .some((pattern) =>
        pattern.endsWith('*') ? [component, tensor].some((n) => n.startsWith(pattern.slice(0, -1))) : pattern === tensor,
      );
  const found = Object.entries(tolerance).find(([key, value]) => typeof value === 'number' && matches(key));
  if (!found) throw new Error(`${MODEL_INDEX} has no tolerance for ${component}/${tensor}`);
  return found[1] as number;
}
