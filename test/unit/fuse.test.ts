import { afterAll, describe, expect, it } from 'vitest';
import { openDiffusersFolder } from '../../src/checkpoint/diffusers_folder.js';
import { findModel } from '../../src/checkpoint/embedded_models.js';
import { loadAddon } from '../../src/device/load.js';
import { float, Graph, int, subgraph, type Value } from '../../src/graph/graph.js';
import { serializeModel } from '../../src/graph/onnx.js';
import { fuse } from '../../src/graph/targets/cpu/fuse/fuse.js';
import { lower } from '../../src/graph/targets/lower.js';
import { appendVjp } from '../../src/graph/vjp/vjp.js';
import type { WeightInfo, WeightStore } from '../../src/graph/weights.js';
import { AutoencoderTinyConfig, tinyDecoderGraph, tinyDecoderVjpGraph, tinyEncoderGraph } from '../../src/networks/autoencoder_tiny.js';
import {
  activation,
  add,
  attention,
  conv,
  geglu,
  groupNorm,
  layerNorm,
  linear,
  perChannel,
  toImage,
  toTokens,
  upsample2x,
} from '../../src/networks/layers.js';
import { UNet2DConditionConfig, unetGraph, unetVjpGraph } from '../../src/networks/unet2d_condition.js';
import { relativeError } from '../support/compare.js';

const anyWeights: WeightStore = {
  has: () => true,
  get: (_name, shape): WeightInfo => ({ dtype: 'F32', shape: [...shape], path: '/model/w.safetensors', offset: 8, length: 0 }),
};

const kinds = (graph: Graph) => fuse(graph).nodes.map((node) => node.opType);

function network(body: (g: Graph, x: Value) => Value): Graph {
  const g = new Graph('test', anyWeights);
  g.output('y', body(g, g.input('x', 'f32', ['n', 4, 'h', 'w'])));
  return g;
}

describe('fuse', () => {
  it('takes what surrounds a convolution into its kernel', () => {
    const g = network((g, x) => {
      const wide = conv(g, upsample2x(g, conv(g, x, 'a', 4)), 'b', 4);
      const residual = activation(g, wide, 'relu');
      return activation(g, add(g, conv(g, residual, 'c', 4), residual), 'silu');
    });
    const nodes = fuse(g).nodes;
    expect(nodes.map((node) => node.opType)).toEqual(['Conv3x3', 'Conv3x3', 'Conv3x3', 'Identity']);
    expect(nodes.map((node) => [node.attributes.activation?.value, node.attributes.upsample?.value]).slice(0, 3)).toEqual([
      [0, 0],
      [1, 1],
      [2, 0],
    ]);
    expect(nodes[2]!.inputs[2]).toEqual(nodes[1]!.outputs[0]);
  });

  it('keeps a value that is read elsewhere too', () => {
    const g = network((g, x) => {
      const y = conv(g, x, 'a', 4);
      return add(g, activation(g, y, 'relu'), y);
    });
    expect(kinds(g)).toEqual(['Conv3x3', 'Relu', 'Add', 'Identity']);
  });

  it('does not take a sum that repeats its other term', () => {
    const g = network((g, x) => {
      const bias = g.weight('shift', [4, 1, 1]);
      return conv(g, add(g, conv(g, x, 'a', 4), bias), 'b', 4, { kernel: 1 });
    });
    expect(kinds(g)).toEqual(['Conv3x3', 'Add', 'Linear', 'Identity']);
  });

  it('takes convolutions that halve an image, which nothing doubles before', () => {
    const g = network((g, x) => conv(g, upsample2x(g, conv(g, x, 'a', 4, { stride: 2 })), 'b', 4, { stride: 2 }));
    expect(kinds(g)).toEqual(['Conv3x3', 'Upsample2x', 'Conv3x3', 'Identity']);
    expect(fuse(g).nodes[0]!.attributes.stride?.value).toBe(2);
  });

  it('lays channels side by side between convolutions, but not where anybody else reads them', () => {
    const layouts = (channels: number, body: (g: Graph, a: Value, b: Value) => Value) => {
      const g = network((g, x) => {
        const a = conv(g, x, 'a', channels);
        const b = activation(g, conv(g, a, 'b', channels), 'relu');
        return conv(g, body(g, a, b), 'd', 4);
      });
      const nodes = fuse(g).nodes.filter(({ opType }) => opType === 'Conv3x3');
      return nodes.map(({ attributes: { from, to } }) => `${from?.value}${to?.value}`);
    };
    const residual = (g: Graph, a: Value, b: Value) => add(g, conv(g, b, 'c', a.dims[1] as number), a);
    expect(layouts(16, residual)).toEqual(['10', '00', '00', '01']);
    expect(layouts(12, residual)).toEqual(['11', '11', '11', '11']);
    // A residual that someone else reads lies as an image does, and with it the sum.
    const readTwice = (g: Graph, a: Value, b: Value) => add(g, residual(g, a, b), activation(g, a, 'silu'));
    expect(layouts(16, readTwice)).toEqual(['11', '10', '01', '11']);
  });

  it('keeps a value that the body of a loop reads', () => {
    const g = network((g, x) => {
      const y = conv(g, x, 'a', 4);
      const body = g.body('body');
      body.output('z', add(body, y, y));
      const looped: Value = { name: 'looped', dtype: 'f32', dims: y.dims };
      g.append({ opType: 'Loop', domain: '', inputs: [], outputs: [looped], attributes: { body: subgraph(body) } });
      return add(g, activation(g, y, 'relu'), looped);
    });
    expect(kinds(g)).toEqual(['Conv3x3', 'Loop', 'Relu', 'Add', 'Identity']);
  });

  it('reads and writes images and tokens by linear layers alike', () => {
    const g = network((g, x) => {
      const tokens = toTokens(g, conv(g, x, 'in', 4, { kernel: 1 }));
      const hidden = add(g, tokens, linear(g, geglu(g, layerNorm(g, tokens, 'norm', 1e-5), 'expand', 12), 'contract', 4));
      return add(g, conv(g, toImage(g, hidden, x), 'out', 4, { kernel: 1 }), x);
    });
    const nodes = fuse(g).nodes;
    expect(nodes.map((node) => node.opType)).toEqual(['Linear', 'Linear', 'Linear', 'Linear', 'Identity']);
    const settings = nodes
      .filter((node) => node.opType === 'Linear')
      .map(({ attributes: a }) => [a.from, a.to, a.gated].map((v) => v?.value));
    expect(settings).toEqual([
      [1, 0, 0],
      [0, 0, 1],
      [0, 0, 0],
      [0, 1, 0],
    ]);
    expect(nodes[1]!.inputs.slice(2).map((value) => value.name)).toEqual(['norm.weight', 'norm.bias']);
    expect(nodes[3]!.inputs[1]!.name).toBe('x');
  });

  it('joins the linear layers that read one value', () => {
    const g = network((g, x) => {
      const tokens = toTokens(g, activation(g, x, 'relu'));
      const [query, key, value] = ['q', 'k', 'v'].map((name) => linear(g, tokens, name, 4, { bias: name === 'v' }));
      return add(g, toImage(g, attention(g, query!, key!, value!, 2), x), x);
    });
    const joined = fuse(g).nodes.find((node) => node.opType === 'Linear')!;
    expect(joined.outputs).toHaveLength(3);
    expect(joined.attributes.weight!.value).toBe('q.weight\nk.weight\nv.weight');
    expect(joined.attributes.bias!.value).toBe('\n\nv.bias');
  });

  it('adds a value per channel with the bias of a convolution', () => {
    const g = network((g, x) => add(g, conv(g, x, 'a', 4), perChannel(g, g.input('time', 'f32', ['n', 4]))));
    const [convolution, ...rest] = fuse(g).nodes;
    expect(convolution!.inputs.map((input) => input.name)).toEqual(['x', 'a.bias', '', 'time']);
    expect(rest.map((node) => node.opType)).toEqual(['Identity']);
  });

  it('does not write an image whose height and width no residual tells', () => {
    const g = network((g, x) => conv(g, toImage(g, toTokens(g, activation(g, x, 'relu')), x), 'out', 4, { kernel: 1 }));
    expect(kinds(g).filter((kind) => kind === 'Linear' || kind === 'Transpose')).toEqual(['Transpose', 'Transpose', 'Linear']);
  });

  it('normalises and activates at once', () => {
    const g = network((g, x) => {
      const inputs = [x, g.weight('scale', [4]), g.weight('bias', [4])];
      const attributes = { num_groups: int(2), epsilon: float(1e-5) };
      return activation(g, g.op('GroupNormalization', inputs, { domain: 'latino', dims: x.dims, attributes }), 'silu');
    });
    expect(kinds(g)).toEqual(['GroupNorm', 'Identity']);
  });

  it('takes the derivative of a convolution, and leaves a normalisation whose statistics the reverse pass reads', () => {
    const g = network((g, x) => activation(g, groupNorm(g, conv(g, x, 'a', 4), 'norm', 2, 1e-5), 'silu'));
    const nodes = fuse(appendVjp(g, { wrt: ['x'] })).nodes;
    expect(nodes.filter((node) => node.opType === 'Conv3x3').map((node) => node.attributes.transposed?.value)).toEqual([0, 1]);
    expect(nodes.map((node) => node.opType)).toEqual(expect.arrayContaining(['GroupNormalization', 'Silu']));
  });
});

describe('the kernels of the native core against those of ONNX Runtime', async () => {
  const addon = loadAddon();
  const device = addon.openDevice('cpu');
  afterAll(() => device.synchronize());
  const checkpoint = await openDiffusersFolder(findModel('portraits').folder);
  const vae = AutoencoderTinyConfig.parse(await checkpoint.readConfig('vae'));
  const unet = UNet2DConditionConfig.parse(await checkpoint.readConfig('unet'));
  const vaeWeights = await checkpoint.weights('vae');
  const unetWeights = await checkpoint.weights('unet');

  // Sizes that need tiles of 4, of 2 and none, tiles that stick out, and a batch.
  const cases: [string, () => Graph, Record<string, number[]>, number[]][] = [
    ['encoder', () => tinyEncoderGraph(vae, vaeWeights), { image: [2, 3, 128, 104] }, [2, 8, 16, 13]],
    ['decoder', () => tinyDecoderGraph(vae, vaeWeights), { latents: [1, 8, 16, 11] }, [1, 3, 128, 88]],
    ['unet', () => unetGraph(unet, unetWeights), { sample: [2, 8, 16, 20], encoder_hidden_states: [2, 48, 128] }, [2, 8, 16, 20]],
    ['decoder in reverse', () => tinyDecoderVjpGraph(vae, vaeWeights), { latents: [1, 8, 16, 11], g: [1, 3, 128, 88] }, [1, 8, 16, 11]],
    [
      'unet in reverse',
      () => unetVjpGraph(unet, unetWeights, { wrt: ['encoder_hidden_states'] }),
      { sample: [2, 8, 16, 20], encoder_hidden_states: [2, 48, 128], g: [2, 8, 16, 20] },
      [2, 48, 128],
    ],
  ];
  it.each(cases)('%s', async (_name, build, inputs, shape) => {
    const graph = build();
    // The last output: of a network in reverse, the gradient.
    const output = graph.outputs.at(-1)!.name;
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, dims], i) => [name, device.randn(dims, 1, i)]));
    if ('sample' in feeds) feeds.timestep = device.full([shape[0]!], 499, 'i64');
    const [plain, fused] = await Promise.all(
      [lower(graph), lower(fuse(graph))].map(async (form) => {
        const { model, options } = serializeModel(form);
        const session = await addon.createSession(device, model, options);
        using result = session.run(feeds, { [output]: shape })[output]!;
        session.dispose();
        return { shape, data: (await result.read()) as Float32Array };
      }),
    );
    for (const tensor of Object.values(feeds)) tensor.dispose();
    expect(relativeError(fused!, plain!)).toBeLessThan(2e-5);
  });
});
