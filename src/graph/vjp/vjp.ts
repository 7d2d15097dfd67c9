import { LatinoError } from '../../errors.js';
import type { Graph, Node, Value } from '../graph.js';
import { Reverse } from './reverse.js';
import { RULES } from './rules.js';

/** Makes cotangents of the outputs, by name, out of the outputs themselves and of inputs that it adds to the graph. */
export type Cotangent = (graph: Graph, outputs: Readonly<Record<string, Value>>) => Readonly<Record<string, Value>>;

export interface VjpOptions {
  /** Names of the float32 inputs whose gradients are wanted. */
  readonly wrt: readonly string[];
  /**
   * Where the cotangent depends on the outputs, as the residual of a fit does, forward and reverse pass are one call this way.
   * Left out, every output has its cotangent as a new input: `g` when there is one output, else `g_NAME`.
   */
  readonly cotangent?: Cotangent;
  /** No loop and nothing that is computed from shapes, for a device that would leave that to the host; takes more memory. */
  readonly withoutLoops?: boolean;
}

/**
 * Appends the reverse pass to a network: beside its own outputs it then gives `vjp_NAME` for every wanted input, the gradient of
 * sum(cotangent * output) with respect to that input and of its shape.
 * Throws ERR_LATINO_ARGUMENT for an input or output that is not there or does not matter, ERR_LATINO_MODEL for an operator without a rule.
 */
export function appendVjp(graph: Graph, { wrt, cotangent = newInputs, withoutLoops }: VjpOptions): Graph {
  const inputs = wrt.map((name) => floatInput(graph, name));
  const outputs = Object.fromEntries(graph.outputs.map((output) => [output.name, output]));
  const seeds = Object.entries(cotangent(graph, outputs)).map(([name, value]): [Value, Value] => {
    if (!outputs[name])
      throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected a cotangent of ${list(outputs)} but received one of ${name}`);
    return [outputs[name], value];
  });
  for (const [index, gradient] of vjp(graph, seeds, inputs, { withoutLoops }).entries()) graph.output(`vjp_${wrt[index]}`, gradient);
  return graph;
}

/**
 * The gradients of sum over (output, cotangent) of sum(cotangent * output) with respect to `wanted`, appended to the graph.
 * Only values between a wanted input and a seeded output get a cotangent. Throws as `appendVjp`.
 */
export function vjp(
  graph: Graph,
  seeds: readonly (readonly [output: Value, cotangent: Value])[],
  wanted: readonly Value[],
  { withoutLoops = false }: Pick<VjpOptions, 'withoutLoops'> = {},
): Value[] {
  const active = dependents(graph, wanted);
  const forward = [...graph.nodes];
  const reverse = new Reverse(graph, withoutLoops);
  for (const [output, cotangent] of seeds) reverse.add(output, cotangent);
  for (const node of forward.reverse()) {
    const output = node.outputs[0]!;
    if (!active.has(output.name)) continue;
    const cotangent = reverse.total(output);
    if (cotangent) propagate(reverse, node, cotangent, active);
  }
  return wanted.map((value) => {
    const gradient = reverse.total(value);
    if (!gradient) throw new LatinoError('ERR_LATINO_ARGUMENT', `The outputs do not depend on ${value.name}, so it has no gradient`);
    return gradient;
  });
}

function propagate(reverse: Reverse, node: Node, cotangent: Value, active: ReadonlySet<string>): void {
  const rule = node.domain === 'com.microsoft' ? undefined : RULES[node.opType];
  if (!rule)
    throw new LatinoError('ERR_LATINO_MODEL', `The operator ${node.opType} (${node.outputs[0]!.name}) has no rule of differentiation`);
  const pullbacks = rule(reverse, node, cotangent, (input) => active.has(input.name));
  for (const [index, input] of node.inputs.entries()) {
    if (!active.has(input.name)) continue;
    const pullback = pullbacks[index];
    if (!pullback)
      throw new LatinoError('ERR_LATINO_MODEL', `${node.opType} has no derivative with respect to its input ${index} (${input.name})`);
    reverse.add(input, pullback());
  }
}

/** The names of `values` and of all float values computed from them. */
function dependents(graph: Graph, values: readonly Value[]): Set<string> {
  const names = new Set(values.map((value) => value.name));
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => names.has(input.name))) continue;
    for (const output of node.outputs) if (output.dtype === 'f32') names.add(output.name);
  }
  return names;
}

function newInputs(graph: Graph, outputs: Readonly<Record<string, Value>>): Record<string, Value> {
  const named = Object.entries(outputs);
  const inputName = (name: string) => (named.length === 1 ? 'g' : `g_${name}`);
  return Object.fromEntries(named.map(([name, { dims }]) => [name, graph.input(inputName(name), 'f32', dims)]));
}

function floatInput(graph: Graph, name: string): Value {
  const inputs = Object.fromEntries(graph.inputs.filter((input) => input.dtype === 'f32').map((input) => [input.name, input]));
  if (!inputs[name]) throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected ${list(inputs)} for wrt but received ${name}`);
  return inputs[name];
}

const list = (values: Readonly<Record<string, Value>>): string => `one of ${Object.keys(values).join(', ')}`;
