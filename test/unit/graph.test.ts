import { describe, expect, it } from 'vitest';
import { compile } from '../../src/graph/compile.js';
import { float, Graph, int } from '../../src/graph/graph.js';
import { cpu } from '../../src/graph/targets/cpu/cpu.js';
import type { WeightInfo, WeightStore } from '../../src/graph/weights.js';
import { AutoencoderTinyConfig } from '../../src/networks/autoencoder_tiny.js';
import { conv, layerNorm, toImage, toTokens, upsample2x } from '../../src/networks/layers.js';
import { UNet2DConditionConfig, unetGraph } from '../../src/networks/unet2d_condition.js';
import { openNetwork } from '../support/session.js';

const noWeights: WeightStore = {
  has: () => false,
  get: (name) => {
    throw new Error(`no weight ${name}`);
  },
};

/** A store whose every weight has the wanted shape. */
function anyWeights(dtype: WeightInfo['dtype'], folder = (_name: string) => '/model'): WeightStore {
  return {
    has: () => true,
    get: (name, shape) => ({ dtype, shape: [...shape], path: `${folder(name)}/w.safetensors`, offset: 8, length: 0 }),
  };
}

const ramp = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7) * 3 + i * 0.1);

describe('Graph', () => {
  it('keeps group normalisation one node until it is built', () => {
    const g = new Graph('test', anyWeights('F32'));
    const x = g.input('x', 'f32', ['n', 4, 'h', 'w']);
    const normed = g.op('GroupNormalization', [x, g.weight('scale', [4]), g.weight('bias', [4])], {
      domain: 'latino',
      dims: x.dims,
      attributes: { num_groups: int(2), epsilon: float(1e-5) },
    });
    g.output('y', normed);
    compile(g, cpu);
    expect(g.nodes.map((node) => node.opType)).toEqual(['GroupNormalization', 'Identity']);
  });

  it('leaves F32 weights in their file and lists the others to be widened', () => {
    const model = (dtype: WeightInfo['dtype'], folder?: (name: string) => string) => {
      const g = new Graph('test', anyWeights(dtype, folder));
      g.output('y', layerNorm(g, g.input('x', 'f32', ['n', 3]), 'layer', 1e-5));
      return compile(g, cpu).options;
    };
    expect(model('F32')).toEqual({ folder: '/model', weights: [], files: [] });
    expect(model('F16').weights).toEqual([
      { name: 'layer.weight', shape: [3], sourceType: 'F16', path: '/model/w.safetensors', offset: 8 },
      { name: 'layer.bias', shape: [3], sourceType: 'F16', path: '/model/w.safetensors', offset: 8 },
    ]);
    const apart = model('F32', (name) => (name.endsWith('bias') ? '/elsewhere' : '/model'));
    expect(apart.weights?.map((weight) => weight.name)).toEqual(['layer.bias']);
  });

  it('shares a weight that is used twice and refuses two values of one name', () => {
    const g = new Graph('test', anyWeights('F32'));
    expect(g.weight('w', [2])).toBe(g.weight('w', [2]));
    expect(() => g.input('w', 'f32', [2])).toThrow(/already has a value named w/);
  });

  it('follows dimensions through halving and doubling', () => {
    const g = new Graph('test', anyWeights('F32'));
    const x = g.input('x', 'f32', ['n', 4, 'h', 10]);
    const small = conv(g, x, 'down', 8, { stride: 2 });
    expect(small.dims).toEqual(['n', 8, 'h/2', 5]);
    expect(upsample2x(g, small).dims).toEqual(['n', 8, 'h', 10]);
    expect(upsample2x(g, x).dims).toEqual(['n', 4, 'h*2', 20]);
  });

  it.each([
    ['Silu', (x: number) => x / (1 + Math.exp(-x))],
    ['QuickGelu', (x: number) => x / (1 + Math.exp(-1.702 * x))],
  ])('computes %s', async (opType, expected) => {
    const g = new Graph('test', noWeights);
    const x = g.input('x', 'f32', ['n']);
    g.output('y', g.op(opType, [x], { domain: 'latino', dims: x.dims }));
    const run = await openNetwork(g);
    const data = ramp(17);
    const { y } = await run({ x: { shape: [17], data } });
    for (const [i, value] of data.entries()) expect(y!.data[i]).toBeCloseTo(expected(value), 5);
  });

  it('normalises groups of any spatial size', async () => {
    const g = new Graph('test', noWeights);
    const x = g.input('x', 'f32', ['n', 4, 'h', 'w']);
    const scale = g.constant([1, 2, 3, 4]);
    const bias = g.constant([0.5, 0, -0.5, 1]);
    const attributes = { num_groups: int(2), epsilon: float(1e-2) };
    g.output('y', g.op('GroupNormalization', [x, scale, bias], { domain: 'latino', dims: x.dims, attributes }));
    const run = await openNetwork(g);
    const data = ramp(2 * 4 * 6);
    const { y } = await run({ x: { shape: [2, 4, 2, 3], data } });
    for (let group = 0; group < 4; group++) {
      const values = data.slice(group * 12, group * 12 + 12);
      const mean = values.reduce((a, b) => a + b) / 12;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 12;
      for (const [i, value] of values.entries()) {
        const channel = (group % 2) * 2 + Math.floor(i / 6);
        const want = ((value - mean) / Math.sqrt(variance + 1e-2)) * [1, 2, 3, 4][channel]! + [0.5, 0, -0.5, 1][channel]!;
        expect(y!.data[group * 12 + i]).toBeCloseTo(want, 4);
      }
    }
  });

  it('turns an image into tokens and back', async () => {
    const g = new Graph('test', noWeights);
    const x = g.input('x', 'f32', ['n', 3, 'h', 'w']);
    const tokens = toTokens(g, x);
    g.output('tokens', tokens);
    g.output('y', toImage(g, tokens, x));
    const run = await openNetwork(g);
    const data = ramp(2 * 3 * 8);
    const { tokens: rows, y } = await run({ x: { shape: [2, 3, 2, 4], data } });
    expect(rows!.shape).toEqual([2, 8, 3]);
    expect([...rows!.data.slice(0, 3)]).toEqual([data[0], data[8], data[16]]);
    expect([...(y!.data as Float32Array)]).toEqual([...data]);
  });
});

describe('network configs', () => {
  it('fills in the defaults of diffusers', () => {
    const config = UNet2DConditionConfig.parse({});
    expect(config.block_out_channels).toEqual([320, 640, 1280, 1280]);
    expect(config.use_linear_projection).toBe(false);
  });

  it.each([
    [{ class_embed_type: 'timestep' }, /class_embed_type "timestep" is not supported/],
    [{ down_block_types: ['AttnDownBlock2D'] }, /down_block_types.0 "AttnDownBlock2D" is not supported/],
    [{ resnet_time_scale_shift: 'scale_shift' }, /resnet_time_scale_shift "scale_shift" is not supported/],
    [{ num_class_embeds: 3 }, /num_class_embeds 3 is not supported/],
  ])('refuses %j', (config, message) => {
    expect(() => UNet2DConditionConfig.parse(config)).toThrow(
      expect.objectContaining({ code: 'ERR_LATINO_MODEL', message: expect.stringMatching(message) }),
    );
  });

  it('refuses lists that do not match the number of levels', () => {
    const config = UNet2DConditionConfig.parse({ attention_head_dim: [5, 10] });
    expect(() => unetGraph(config, anyWeights('F32'))).toThrow(/needs 4 attention_head_dim, not 2/);
  });

  it('refuses an autoencoder with another upsampling', () => {
    expect(() => AutoencoderTinyConfig.parse({ upsample_fn: 'bilinear' })).toThrow(/upsample_fn "bilinear"/);
  });
});
