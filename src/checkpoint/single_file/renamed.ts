import type { WeightInfo } from '../../graph/weights.js';

/** Weights by their names. */
export type Tensors = ReadonlyMap<string, WeightInfo>;

/** The weights whose names begin so, without that beginning. */
export const below = (tensors: Tensors, prefix: string): Tensors =>
  new Map([...tensors].flatMap(([name, info]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), info]] : [])));

/** The module and the parameter of `module.parameter`. */
export function splitName(name: string): [module: string, parameter: string] {
  const dot = name.lastIndexOf('.');
  return [name.slice(0, dot), name.slice(dot + 1)];
}
