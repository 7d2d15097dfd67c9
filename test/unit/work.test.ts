import { describe, expect, it } from 'vitest';
import { Graph, type Value } from '../../src/graph/graph.js';
import { lengthOf } from '../../src/graph/lengths.js';
import type { WeightStore } from '../../src/graph/weights.js';
import { peakBytes, workOf } from '../../src/graph/work.js';
import { add, attention, conv, linear, silu, toTokens, upsample2x } from '../../src/networks/layers.js';
import { UNet2DConditionConfig, unetGraph } from '../../src/networks/unet2d_condition.js';
import { windowGrid } from '../../src/prior/windowed_prior.js';
import { sd1 } from '../support/small_checkpoint.js';

const anyWeights: WeightStore = {
  has: (name) => !/query|key|value|proj_attn/.test(name),
  get: (_, shape) => ({ dtype: 'F32', shape, path: '', offset: 0, length: 0 }),
};
const none = { convolution: 0, linear: 0, attention: 0, values: 0 };

/** A network of one input [1, 4, height, width]. */
function network(build: (g: Graph, x: Value) => Value): Graph {
  const g = new Graph('test', anyWeights);
  g.output('y', build(g, g.input('x', 'f32', ['batch', 4, 'height', 'width'])));
  return g;
}
const lengths = new Map(Object.entries({ batch: 1, height: 6, width: 10 }));

describe('the work of a network', () => {
  // 60 pixels of 4 channels; the values of the last node, which names the output, count too.
  it.each<[string, (g: Graph, x: Value) => Value, object]>([
    ['a convolution', (g, x) => conv(g, x, 'c', 8), { convolution: 60 * 8 * 4 * 9, values: 60 * 8 }],
    ['one of every other pixel', (g, x) => conv(g, x, 'c', 8, { stride: 2 }), { convolution: 15 * 8 * 4 * 9, values: 15 * 8 }],
    ['one after doubling', (g, x) => conv(g, upsample2x(g, x), 'c', 4), { convolution: 240 * 4 * 4 * 9, values: 2 * 240 * 4 }],
    ['a linear layer', (g, x) => linear(g, toTokens(g, x), 'l', 16), { linear: 60 * 16 * 4, values: 2 * 60 * 4 + 60 * 16 }],
    ['attention', (g, x) => tokens(g, x), { attention: 2 * 60 * 60 * 4, values: 3 * 60 * 4 }],
  ])('of %s', (_, build, work) => {
    expect(workOf(network(build), lengths)).toEqual({ ...none, ...work });
  });

  function tokens(g: Graph, x: Value): Value {
    const t = toTokens(g, x);
    return attention(g, t, t, t, 2);
  }

  it('of the UNet of Stable Diffusion 1.5 is what profilers count', () => {
    const config = UNet2DConditionConfig.parse(sd1(false).unet);
    const {
      convolution,
      linear: ofLinear,
      attention: ofAttention,
    } = workOf(unetGraph(config, anyWeights), new Map(Object.entries({ batch: 1, tokens: 77, height: 64, width: 64 })));
    // 339 billion without the products of attention (THOP), about 401 with them.
    expect((convolution + ofLinear) / 1e9).toBeCloseTo(339, -1);
    expect((convolution + ofLinear + ofAttention) / 1e9).toBeGreaterThan(390);
    expect((convolution + ofLinear + ofAttention) / 1e9).toBeLessThan(420);
  });
});

describe('what a network holds at the same time', () => {
  it('is what is still to be read, with what is being made of it', () => {
    const bytes = 4 * 60 * 4;
    // x is the caller's. Of a chain, what goes in and what comes out.
    expect(
      peakBytes(
        network((g, x) => silu(g, silu(g, silu(g, x)))),
        lengths,
      ),
    ).toBe(2 * bytes);
    // A residual stays beside them.
    const residual = network((g, x) => {
      const kept = silu(g, x);
      return add(g, silu(g, silu(g, kept)), kept);
    });
    expect(peakBytes(residual, lengths)).toBe(3 * bytes);
  });
});

it('lengths are numbers, names, halves rounded up, doubles, and their products', () => {
  expect(['height', 'width/2', 'width/2/2', 'height*2', 'height/2.width/2', '3.width', 7].map((dim) => lengthOf(dim, lengths))).toEqual([
    6, 5, 3, 12, 15, 30, 7,
  ]);
  expect(() => lengthOf('depth', lengths)).toThrow(/Expected a dimension/);
});

it('windows cover a picture that is much larger than the native size, and none another', () => {
  expect(windowGrid({ height: 80, width: 64 }, 64)).toBeUndefined();
  expect(windowGrid({ height: 128, width: 60 }, 64)).toMatchObject({ rows: [0, 48, 64], columns: [0], height: 64, width: 60 });
});
