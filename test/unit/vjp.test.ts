import { describe, expect, it } from 'vitest';
import { type Attributes, float, Graph, int, ints, type Value } from '../../src/graph/graph.js';
import { appendVjp } from '../../src/graph/vjp/vjp.js';
import type { WeightStore } from '../../src/graph/weights.js';
import { AutoencoderTinyConfig, tinyDecoderVjpGraph, tinyEncoderVjpGraph } from '../../src/networks/autoencoder_tiny.js';
import { concat, perChannel, slice, toImage, toTokens } from '../../src/networks/layers.js';
import { UNet2DConditionConfig, unetVjpGraph } from '../../src/networks/unet2d_condition.js';
import type { Stored } from '../support/safetensors.js';
import { openNetwork } from '../support/session.js';

/** Difference quotients of these graphs are good to about 1e-5. */
const TOLERANCE = 5e-5;

const anyWeights: WeightStore = {
  has: () => true,
  get: (_, shape) => ({ dtype: 'F32', shape: [...shape], path: '/model/w.safetensors', offset: 8, length: 0 }),
};

/** Reproducible numbers in [-1, 1] that follow no pattern. */
function random(shape: readonly number[], seed = 1): Stored & { data: Float32Array } {
  let state = seed * 7919;
  const next = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) / 2 ** 22 - 1;
  };
  return { shape: [...shape], data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next) };
}

type Inputs = Record<string, Stored & { data: Float32Array }>;
type Build = (g: Graph, inputs: Record<string, Value>) => Value;

function graphOf(shapes: Record<string, readonly number[]>, build: Build): Graph {
  const g = new Graph('test', anyWeights);
  // Batch, height and width have names and no lengths, as in the networks.
  const inputs = Object.entries(shapes).map(([name, shape]) => {
    const isNamed = (length: number, axis: number) => length > 1 && (axis === 0 || (shape.length === 4 && axis > 1));
    const dims = shape.map((length, axis) => (isNamed(length, axis) ? (axis === 0 ? 'batch' : `${name}${axis}`) : length));
    return [name, g.input(name, 'f32', dims)] as const;
  });
  g.output('y', build(g, Object.fromEntries(inputs)));
  return g;
}

/**
 * The largest difference between `vjp_NAME` and a five-point difference quotient of sum(g * y) along `directions`, over the largest
 * quotient.
 */
async function gradientError(
  shapes: Record<string, readonly number[]>,
  build: Build,
  { wrt = Object.keys(shapes), directions = axes, step = 0.03 } = {},
) {
  const inputs: Inputs = Object.fromEntries(Object.entries(shapes).map(([name, shape], i) => [name, random(shape, i + 1)]));
  const forward = await openNetwork(graphOf(shapes, build));
  const reverse = await openNetwork(appendVjp(graphOf(shapes, build), { wrt }));
  const { y } = await forward(inputs);
  const g = random(y!.shape, 99);
  const gradients = await reverse({ ...inputs, g });
  let difference = 0;
  let largest = 0;
  for (const name of wrt) {
    const x = inputs[name]!;
    const gradient = gradients[`vjp_${name}`]!;
    expect(gradient.shape).toEqual(x.shape);
    for (const direction of directions(x.data.length)) {
      const at = async (t: number) => {
        const moved = { ...x, data: x.data.map((value, i) => value + t * (direction[i] ?? 0)) };
        return dot(g.data, (await forward({ ...inputs, [name]: moved })).y!.data as Float32Array);
      };
      const quotient = (8 * ((await at(step)) - (await at(-step))) - ((await at(2 * step)) - (await at(-2 * step)))) / (12 * step);
      difference = Math.max(difference, Math.abs(quotient - dot(direction, gradient.data as Float32Array)));
      largest = Math.max(largest, Math.abs(quotient));
    }
  }
  expect(largest).toBeGreaterThan(0.01);
  return difference / largest;
}

const axes = (length: number): Float32Array[] =>
  Array.from({ length }, (_, axis) => Float32Array.from({ length }, (__, i) => (i === axis ? 1 : 0)));

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

const op =
  (opType: string, attributes?: Attributes): Build =>
  (g, { x }) =>
    g.op(opType, [x!], { dims: x!.dims, attributes });
const latino =
  (opType: string): Build =>
  (g, { x }) =>
    g.op(opType, [x!], { dims: x!.dims, domain: 'latino' });

function convolution(kernel: number, stride: number): Build {
  return (g, { x }) => {
    const pad = (kernel - 1) / 2;
    const weight = g.constant(random([5, 3, kernel, kernel], 7).data, [5, 3, kernel, kernel]);
    const attributes = { kernel_shape: ints([kernel, kernel]), strides: ints([stride, stride]), pads: ints([pad, pad, pad, pad]) };
    const [n, , h, w] = x!.dims as [string, number, string, string];
    return g.op('Conv', [x!, weight, g.constant([1, 2, 3, 4, 5])], { dims: [n, 5, `${h}/${stride}`, `${w}/${stride}`], attributes });
  };
}

const linear = (g: Graph, x: Value, width: number, out: number): Value =>
  g.op('Linear', [x, g.constant(random([out, width], 5).data, [out, width])], { domain: 'latino', dims: [...x.dims.slice(0, -1), out] });

const attend = (g: Graph, q: Value, k: Value, v: Value, heads: number): Value =>
  g.op('Attention', [q, k, v], { domain: 'latino', dims: q.dims, attributes: { num_heads: int(heads), causal: int(0) } });

const sequence = [2, 5, 6];
const image = [2, 3, 4, 6];

const rules: readonly [name: string, shapes: Record<string, readonly number[]>, build: Build][] = [
  ['Identity', { x: sequence }, op('Identity')],
  ['Sin', { x: sequence }, op('Sin')],
  ['Cos', { x: sequence }, op('Cos')],
  ['Tanh', { x: sequence }, op('Tanh')],
  ['Silu', { x: sequence }, latino('Silu')],
  ['QuickGelu', { x: sequence }, latino('QuickGelu')],
  ['Gelu', { x: sequence }, latino('Gelu')],
  ['Add', { x: sequence, b: sequence }, (g, { x, b }) => g.op('Add', [x!, b!], { dims: x!.dims })],
  ['Add, spread over pixels', { x: image, b: [2, 3] }, (g, { x, b }) => g.op('Add', [x!, perChannel(g, b!)], { dims: x!.dims })],
  ['Mul', { x: sequence, b: sequence }, (g, { x, b }) => g.op('Mul', [x!, b!], { dims: x!.dims })],
  ['Mul, spread over a batch and an axis', { x: sequence, b: [1, 6] }, (g, { x, b }) => g.op('Mul', [x!, b!], { dims: x!.dims })],
  ['Linear on tokens', { x: sequence }, (g, { x }) => linear(g, x!, 6, 4)],
  ['Linear on vectors', { x: [2, 6] }, (g, { x }) => linear(g, x!, 6, 4)],
  ['Conv 1x1', { x: image }, convolution(1, 1)],
  ['Conv 3x3', { x: image }, convolution(3, 1)],
  ['Conv 3x3, stride 2, even size', { x: image }, convolution(3, 2)],
  ['Conv 3x3, stride 2, odd size', { x: [1, 3, 5, 6] }, convolution(3, 2)],
  ['Conv 3x3, stride 2, odd sizes', { x: [1, 3, 6, 5] }, convolution(3, 2)],
  [
    'GroupNormalization',
    { x: [2, 4, 3, 5] },
    (g, { x }) => {
      const inputs = [x!, g.constant([1, 2, -1, 0.5]), g.constant([0, 1, 2, 3])];
      return g.op('GroupNormalization', inputs, {
        domain: 'latino',
        dims: x!.dims,
        attributes: { num_groups: int(2), epsilon: float(1e-2) },
      });
    },
  ],
  [
    'LayerNormalization',
    { x: sequence },
    (g, { x }) => {
      const inputs = [x!, g.constant([1, 2, -1, 0.5, 3, 1]), g.constant([0, 1, 2, 3, 4, 5])];
      return g.op('LayerNormalization', inputs, { dims: x!.dims, attributes: { axis: int(-1), epsilon: float(1e-2) } });
    },
  ],
  ['Attention', { q: sequence, k: [2, 3, 6], v: [2, 3, 6] }, (g, { q, k, v }) => attend(g, q!, k!, v!, 2)],
  ['Attention of a sequence to itself', { x: sequence }, (g, { x }) => attend(g, x!, x!, x!, 3)],
  [
    'Upsample2x',
    { x: image },
    (g, { x }) => g.op('Upsample2x', [x!], { domain: 'latino', dims: [x!.dims[0]!, 3, `${x!.dims[2]}*2`, `${x!.dims[3]}*2`] }),
  ],
  ['Reshape and Transpose', { x: image }, (g, { x }) => toImage(g, toTokens(g, x!), x!)],
  [
    'Transpose of more axes',
    { x: image },
    (g, { x }) => {
      const dims = [2, 0, 3, 1].map((axis) => x!.dims[axis]!);
      return g.op('Transpose', [x!], { dims, attributes: { perm: ints([2, 0, 3, 1]) } });
    },
  ],
  ['Unsqueeze', { x: [2, 3] }, (g, { x }) => perChannel(g, x!)],
  [
    'Concat',
    { a: image, b: [2, 2, 4, 6] },
    (g, { a, b }) => concat(g, [a!, { ...b!, dims: [...b!.dims.slice(0, 2), ...a!.dims.slice(2)] }], 1),
  ],
  ['Slice into parts that fit', { x: sequence }, (g, { x }) => g.op('Mul', [slice(g, x!, 0, 3), slice(g, x!, 3, 6)], { dims: [2, 5, 3] })],
  [
    'Slice into parts that overlap',
    { x: sequence },
    (g, { x }) => g.op('Mul', [slice(g, x!, 0, 3), slice(g, x!, 2, 5)], { dims: [2, 5, 3] }),
  ],
];

describe('rules of differentiation against difference quotients', () => {
  it.each(rules)('%s', async (_, shapes, build) => {
    expect(await gradientError(shapes, build)).toBeLessThan(TOLERANCE);
  });

  it.each([
    ['q', 3],
    ['k', 3],
    ['v', 3],
    ['q', 5],
    ['k', 5],
    ['v', 5],
  ])('Attention of 5 tokens with respect to %s alone, over %i keys', async (name, keys) => {
    const build: Build = (g, { q, k, v }) => attend(g, q!, k!, v!, 2);
    expect(await gradientError({ q: sequence, k: [2, keys, 6], v: [2, keys, 6] }, build, { wrt: [name] })).toBeLessThan(TOLERANCE);
  });

  it('Attention whose queries come in ten chunks, the last one shorter', async () => {
    const build: Build = (g, { q, k, v }) => attend(g, q!, k!, v!, 8);
    const along = (length: number) => [random([length], 3).data, random([length], 4).data];
    const shapes = { q: [1, 1200, 16], k: [1, 1200, 16], v: [1, 1200, 16] };
    expect(await gradientError(shapes, build, { directions: along })).toBeLessThan(TOLERANCE);
  });

  it.each([
    ['Relu', (g: Graph, x: Value) => g.op('Relu', [x], { dims: x.dims }), (x: number) => (x > 0 ? 1 : 0)],
    [
      'Clip',
      (g: Graph, x: Value) => g.op('Clip', [x, g.scalar(-0.5), g.scalar(0.5)], { dims: x.dims }),
      (x: number) => (Math.abs(x) <= 0.5 ? 1 : 0),
    ],
  ])('%s passes its cotangent where its slope is one', async (_, build, slope) => {
    const run = await openNetwork(
      appendVjp(
        graphOf({ x: [4, 25] }, (g, { x }) => build(g, x!)),
        { wrt: ['x'] },
      ),
    );
    const x = random([4, 25]);
    x.data.set([0.5, -0.5, 0], 0);
    const g = random([4, 25], 2);
    const { vjp_x } = await run({ x, g });
    // Adding zero makes a negative zero positive.
    const want = [...g.data].map((value, i) => value * slope(x.data[i]!) + 0);
    expect([...vjp_x!.data].map((value) => Number(value) + 0)).toEqual(want);
  });
});

describe('appendVjp', () => {
  const square: Build = (g, { x }) => g.op('Mul', [x!, x!], { dims: x!.dims });

  it('adds up what every use of a value contributes', async () => {
    const build: Build = (g, { x }) =>
      g.op('Add', [g.op('Mul', [x!, x!], { dims: x!.dims }), g.op('Sin', [x!], { dims: x!.dims })], { dims: x!.dims });
    expect(await gradientError({ x: sequence }, build)).toBeLessThan(TOLERANCE);
  });

  it('also gives the outputs of the network', async () => {
    const run = await openNetwork(appendVjp(graphOf({ x: sequence }, square), { wrt: ['x'] }));
    const x = random(sequence);
    const { y, vjp_x } = await run({ x, g: random(sequence, 2) });
    expect(y!.data[3]).toBeCloseTo(x.data[3]! ** 2, 6);
    expect(vjp_x!.data[3]).toBeCloseTo(2 * x.data[3]! * random(sequence, 2).data[3]!, 6);
  });

  it('takes a cotangent that is made of the outputs', async () => {
    const graph = appendVjp(graphOf({ x: sequence }, square), {
      wrt: ['x'],
      cotangent: (g, { y }) => ({ y: g.op('Sub', [y!, g.input('target', 'f32', y!.dims)], { dims: y!.dims }) }),
    });
    expect(graph.inputs.map((input) => input.name)).toEqual(['x', 'target']);
    const [x, target] = [random(sequence), random(sequence, 2)];
    const { vjp_x } = await (await openNetwork(graph))({ x, target });
    for (const [i, value] of x.data.entries()) expect(vjp_x!.data[i]).toBeCloseTo(2 * value * (value * value - target.data[i]!), 5);
  });

  it('appends nothing for inputs and weights that are not wanted', () => {
    const build: Build = (g, { x, other }) => {
      const far = linear(g, g.op('Tanh', [other!], { dims: other!.dims }), 6, 6);
      return g.op('Add', [linear(g, x!, 6, 6), far], { dims: x!.dims });
    };
    const shapes = { x: sequence, other: sequence };
    const before = graphOf(shapes, build).nodes.length;
    const added = (wrt: string[]) =>
      appendVjp(graphOf(shapes, build), { wrt })
        .nodes.slice(before)
        .map((node) => node.opType);
    expect(added(['x'])).toEqual(['MatMul', 'Identity']);
    expect(added(['other'])).toEqual(['MatMul', 'Mul', 'Sub', 'Mul', 'Identity']);
  });

  it('names an operator without a rule', () => {
    const graph = graphOf({ x: sequence }, op('Cosh'));
    expect(() => appendVjp(graph, { wrt: ['x'] })).toThrow(
      expect.objectContaining({ code: 'ERR_LATINO_MODEL', message: expect.stringMatching(/The operator Cosh .* has no rule/) }),
    );
  });

  it('names an input that has no derivative', () => {
    const graph = graphOf({ x: [6, 6], w: [6, 6] }, (g, { x, w }) => g.op('Linear', [x!, w!], { domain: 'latino', dims: x!.dims }));
    expect(() => appendVjp(graph, { wrt: ['w'] })).toThrow(
      expect.objectContaining({
        code: 'ERR_LATINO_MODEL',
        message: expect.stringMatching(/no derivative with respect to its input 1 \(w\)/),
      }),
    );
  });

  it.each([
    ['an unknown input', { wrt: ['z'] }, /Expected one of x, unused for wrt but received z/],
    ['an input that does not matter', { wrt: ['unused'] }, /do not depend on unused/],
    [
      'a cotangent of what is no output',
      { wrt: ['x'], cotangent: (_: Graph, { y }: Record<string, Value>) => ({ z: y! }) },
      /one of y but received one of z/,
    ],
  ])('refuses %s', (_, options, message) => {
    const graph = graphOf({ x: sequence, unused: sequence }, square);
    expect(() => appendVjp(graph, options as Parameters<typeof appendVjp>[1])).toThrow(
      expect.objectContaining({ code: 'ERR_LATINO_ARGUMENT', message: expect.stringMatching(message) }),
    );
  });
});

describe('networks', () => {
  const count = (graph: Graph, opType: string) => graph.nodes.filter((node) => node.opType === opType).length;
  const sdxl = {
    block_out_channels: [320, 640, 1280],
    down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'],
    up_block_types: ['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'],
    transformer_layers_per_block: [1, 2, 10],
    attention_head_dim: [5, 10, 20],
    use_linear_projection: true,
    addition_embed_type: 'text_time',
    addition_time_embed_dim: 256,
    projection_class_embeddings_input_dim: 2816,
  };

  it('have rules for all their operators', () => {
    const unet = (config: object, wrt: string[]) => unetVjpGraph(UNet2DConditionConfig.parse(config), anyWeights, { wrt });
    const names = (graph: Graph) => graph.outputs.map((output) => output.name);
    expect(names(unet({ time_cond_proj_dim: 256 }, ['sample', 'encoder_hidden_states', 'timestep_cond']))).toHaveLength(4);
    expect(names(unet(sdxl, ['sample', 'encoder_hidden_states', 'text_embeds', 'time_ids']))).toHaveLength(5);
    for (const act_fn of ['relu', 'silu', 'gelu']) {
      const config = AutoencoderTinyConfig.parse({ act_fn });
      expect(names(tinyDecoderVjpGraph(config, anyWeights, { clip: true, scale: 2 }))).toEqual(['image', 'vjp_latents']);
      expect(names(tinyEncoderVjpGraph(config, anyWeights, { clip: true, scale: 2 }))).toEqual(['latents', 'vjp_image']);
    }
  });

  it('go back no further than the first attention for the text embedding', () => {
    const graph = (wrt: string[]) => unetVjpGraph(UNet2DConditionConfig.parse(sdxl), anyWeights, { wrt });
    const convolutions = count(graph(['sample']), 'Conv');
    expect(count(graph(['sample']), 'ConvTranspose')).toBe(convolutions);
    // conv_in, two resnets of two, a downsampler, and the three of the resnet before the first attention.
    expect(count(graph(['encoder_hidden_states']), 'ConvTranspose')).toBe(convolutions - 9);
  });
});
