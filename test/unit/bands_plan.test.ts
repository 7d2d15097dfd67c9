import { describe, expect, it } from 'vitest';
import { peakBytes } from '../../src/graph/bands/cost.js';
import { coarseRowsOf, marginOf } from '../../src/graph/bands/halo.js';
import { type Plan, plan } from '../../src/graph/bands/plan.js';
import { section, waists } from '../../src/graph/bands/sections.js';
import { Sizes } from '../../src/graph/bands/sizes.js';
import { Graph } from '../../src/graph/graph.js';
import type { WeightInfo, WeightStore } from '../../src/graph/weights.js';
import { AutoencoderKLConfig, klDecoderGraph, klEncoderGraph } from '../../src/networks/autoencoder_kl.js';
import { AutoencoderLinearConfig, linearEncoderGraph } from '../../src/networks/autoencoder_linear.js';
import { add, conv, groupNorm, silu, upsample2x } from '../../src/networks/layers.js';

const anyWeights: WeightStore = {
  has: () => true,
  get: (_name, shape): WeightInfo => ({ dtype: 'F32', shape: [...shape], path: '/model/w.safetensors', offset: 8, length: 0 }),
};
const config = AutoencoderKLConfig.parse({ block_out_channels: [128, 256, 512, 512], layers_per_block: 2 });
const encoder = klEncoderGraph(config, anyWeights, { clip: true });
const decoder = klDecoderGraph(config, anyWeights, { clip: true });
const GIB = 2 ** 30;

const sizesOf = ({ inputs, outputs }: Graph, input: number[], output: number[]) =>
  new Sizes([
    [inputs[0]!, input],
    [outputs[0]!, output],
  ]);
const image = (height: number, width: number): number[] => [1, 3, height, width];
const latents = (height: number, width: number): number[] => [1, 4, height / 8, width / 8];
const decoding = (height: number, width: number) => sizesOf(decoder, latents(height, width), image(height, width));
const encoding = (height: number, width: number) => sizesOf(encoder, image(height, width), latents(height, width));
const kinds = ({ steps }: Plan) => steps.map(({ kind }) => kind);

describe("a plan for Stable Diffusion's autoencoder", () => {
  it('is the whole network where that fits', () => {
    const [whole, budget] = [12 * GIB, { wanted: 12 * GIB, most: 12 * GIB }];
    expect(plan(decoder, decoding(2048, 2048), budget)).toMatchObject({ steps: [{ kind: 'whole' }], peak: whole });
    expect(kinds(plan(decoder, decoding(2048, 2048), { ...budget, wanted: whole - 1 }))).toContain('bands');
  });

  it('keeps to a budget, and takes the less time the larger it is', () => {
    const plans = [3, 4, 6, 8, 12].map((gibibytes) => ({ wanted: gibibytes * GIB, most: gibibytes * GIB }));
    const made = plans.map((budget) => plan(decoder, decoding(2048, 2048), budget));
    for (const [i, { peak }] of made.entries()) expect(peak).toBeLessThanOrEqual(plans[i]!.wanted);
    const times = made.map(({ time }) => time);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    expect(times[0]! / times.at(-1)!).toBeGreaterThan(1.2);
    expect(times[0]! / times.at(-1)!).toBeLessThan(2);
  });

  it('fits 12 megapixels into half of a machine of 16 GiB', () => {
    const budget = { wanted: 4 * GIB, most: 8 * GIB };
    expect(plan(decoder, decoding(3000, 4000), budget).peak).toBeLessThan(budget.most);
    expect(plan(encoder, encoding(3000, 4000), budget).peak).toBeLessThan(budget.most);
  });

  it('takes more than twice the time only where memory ends', () => {
    const leanest = plan(decoder, decoding(2048, 2048), { wanted: 0, most: Infinity }).peak;
    expect(leanest).toBeLessThan(2.6 * GIB);
    expect(plan(decoder, decoding(2048, 2048), { wanted: 0, most: leanest / 2 }).peak).toBeLessThan(0.7 * leanest);
  });

  it('leaves no step out', () => {
    for (const most of [0, Infinity]) {
      const { steps } = plan(decoder, decoding(1024, 1024), { wanted: 0, most });
      expect(steps[0]!.section.from).toBe(decoder.inputs[0]);
      expect(steps.at(-1)!.section.to).toBe(decoder.outputs[0]);
      for (const [i, { section: next }] of steps.slice(1).entries()) expect(next.from).toBe(steps[i]!.section.to);
    }
  });

  it('keeps attention whole', () => {
    const { steps } = plan(encoder, encoding(1024, 1024), { wanted: 0, most: 0 });
    const attending = steps.filter((step) => step.section.nodes.some(({ opType }) => opType === 'Attention'));
    expect(attending.map(({ kind }) => kind)).toEqual(['whole']);
  });
});

it('leaves a network of patches whole, whatever it takes', () => {
  const linear = linearEncoderGraph(AutoencoderLinearConfig.parse({ latent_channels: 48, patch_size: 4 }), anyWeights);
  expect(kinds(plan(linear, sizesOf(linear, image(64, 64), [1, 48, 16, 16]), { wanted: 0, most: 0 }))).not.toContain('bands');
});

describe('a section', () => {
  const g = new Graph('test', anyWeights);
  const x = g.input('x', 'f32', ['batch', 4, 'height', 'width']);
  const halved = conv(g, x, 'halving', 4, { stride: 2, padding: 'end' });
  const inside = conv(g, silu(g, groupNorm(g, halved, 'norm', 2, 1e-6)), 'inside', 4);
  const sum = add(g, inside, halved);
  const doubled = conv(g, upsample2x(g, sum), 'doubling', 4);
  const y = g.output('y', conv(g, doubled, 'last', 4));
  const sizes = sizesOf(g, [1, 4, 32, 8], [1, 4, 32, 8]);

  it('lies between values through which everything passes', () => {
    expect(waists(g)).toEqual([x, halved, sum, doubled, expect.objectContaining({ dims: y.dims }), y]);
    expect(section(g, halved, sum).nodes.map(({ opType }) => opType)).toEqual(['GroupNormalization', 'Silu', 'Conv', 'Add']);
  });

  it('needs the rows that its convolutions see', () => {
    const margin = (from = x, to = y) => marginOf(section(g, from, to), coarseRowsOf(section(g, from, to), sizes), sizes);
    expect(margin(halved, sum)).toBe(1);
    expect(margin(doubled, y)).toBe(1);
    expect(margin(x, halved)).toBe(1); // a row of 32, which is half of one of 16
    // Two rows of 32 are one of 16, and the convolution there sees one more.
    expect(margin(sum, y)).toBe(1);
    expect(margin(halved, y)).toBe(2);
    expect(margin()).toBe(3);
  });

  it('counts images that are there at once, none for a doubling, which the convolution does as it reads', () => {
    const bytes = 4 * 4 * 32 * 8;
    expect(peakBytes(section(g, doubled, y), sizes)).toBe(2 * bytes);
    expect(peakBytes(section(g, sum, doubled), sizes)).toBe(bytes + bytes / 4);
  });
});
