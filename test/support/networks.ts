import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Graph } from '../../src/graph/graph.js';
import { serializeModel } from '../../src/graph/onnx.js';
import { lower } from '../../src/graph/targets/cpu/lower.js';
import type { WeightInfo } from '../../src/graph/weights.js';
import type { Stored } from './safetensors.js';

/** Runs a network in ONNX Runtime's own binding, with its weights inside the model. */
export async function createRunner(graph: Graph, values: (weight: WeightInfo) => Uint8Array) {
  const { model } = serializeModel(lower(graph), values);
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 });
  return async (inputs: Record<string, Stored>): Promise<Record<string, Stored>> => {
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, { data, shape }]) => [
        name,
        data instanceof Float32Array ? new Tensor('float32', data, shape) : new Tensor('int64', data, shape),
      ]),
    );
    const results = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [name, { data: tensor.data as Float32Array, shape: [...tensor.dims] }]),
    );
  };
}

/** max |got - want| / max |want| */
export function relativeError(got: Stored, want: Stored): number {
  if (got.shape.join() !== want.shape.join()) throw new Error(`got shape ${got.shape}, expected ${want.shape}`);
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < want.data.length; i++) {
    const distance = Math.abs(Number(got.data[i]) - Number(want.data[i]));
    difference = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(difference, distance);
    largest = Math.max(largest, Math.abs(Number(want.data[i])));
  }
  return difference / largest;
}
