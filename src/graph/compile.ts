import type { Graph } from './graph.js';
import { type OnnxModel, serializeModel } from './onnx.js';

/** What a kind of device wants of a network. */
export interface Target {
  /** Rewrites a network into operators that the device runs, in the precision that it runs them in; one after the other. */
  readonly passes: readonly ((graph: Graph) => Graph)[];
  /** How a derivative has to be written (`VjpOptions`). */
  readonly withoutLoops?: boolean;
}

/** The network as ONNX Runtime loads it on a device of this kind; the graph stays as it is. */
export const compile = (graph: Graph, { passes }: Target): OnnxModel => serializeModel(passes.reduce((form, pass) => pass(form), graph));
