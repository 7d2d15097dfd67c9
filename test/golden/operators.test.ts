import { beforeAll, expect, it } from 'vitest';
import type { Addon, Device, NativeOperator } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import {
  buildOperator,
  colorization,
  convolution,
  denoising,
  inpainting,
  type Operator,
  type ResizeFilter,
  superResolution,
} from '../../src/operators/index.js';
import { officialFill } from '../../src/solver/official_fill.js';
import { DEVICE } from '../support/device.js';
import { goldenPath, goldenSet, readGolden } from '../support/golden.js';
import { readTensors, type Stored } from '../support/safetensors.js';

interface Case {
  readonly id: string;
  readonly file: string;
  readonly images: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly operator: 'downsampling' | 'blur_fft' | 'blur' | 'inpainting' | 'denoising' | 'decolorize';
  readonly factor?: number;
  readonly filter?: ResizeFilter | 'custom';
  readonly padding?: 'reflect' | 'circular';
  readonly adj_channels: readonly number[];
  readonly suggested_rel_tol: { readonly A: number; readonly A_adjoint: number };
  readonly prox: readonly {
    readonly gamma: number;
    readonly tensor: string;
    readonly channels: readonly number[];
    readonly suggested_rel_tol: number;
    readonly suggested_rel_tol_own_taps?: number;
  }[];
}

/** ||a - b|| / ||b|| */
function relativeDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`Expected ${b.length} values but got ${a.length}`);
  let [difference, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}

function select(data: Float32Array, channels: readonly number[], count: number): Float32Array {
  return Float32Array.from({ length: channels.length * count }, (_, i) => data[channels[Math.floor(i / count)]! * count + (i % count)]!);
}

function build(addon: Addon, device: Device, golden: Case, stored: Map<string, Stored>): NativeOperator {
  const size = { height: golden.height, width: golden.width };
  const of = (operator: Operator): NativeOperator => buildOperator(addon, device, operator, size);
  const stencil = (): { height: number; width: number; values: Float32Array } => {
    const { shape, data } = stored.get('filter')!;
    return { height: shape.at(-2)!, width: shape.at(-1)!, values: data as Float32Array };
  };
  switch (golden.operator) {
    case 'downsampling': {
      const { factor = 1, filter, padding = 'reflect' } = golden;
      if (filter !== 'custom') return of(superResolution({ factor, filter, phase: 'reference', boundary: padding }));
      const { height, width, values } = stencil();
      const custom = { height, width, centreY: (height - 1) >> 1, centreX: (width - 1) >> 1, values: Float64Array.from(values) };
      if (padding === 'circular') return addon.circularConvolution(device, custom, size.height, size.width, factor);
      return addon.convolution(device, custom, size.height, size.width, factor, padding);
    }
    case 'blur_fft': {
      // deepinv's is a correlation: a convolution with the taps turned by 180 degrees.
      const { height, width, values } = stencil();
      return of(convolution({ taps: { height, width, values: values.slice().reverse() }, centre: [height >> 1, width >> 1] }));
    }
    case 'blur': {
      const { height, width, values } = stencil();
      return of(convolution({ taps: { height, width, values }, centre: [(height - 1) >> 1, (width - 1) >> 1], boundary: golden.padding }));
    }
    case 'inpainting':
      return of(inpainting({ mask: { ...size, values: (stored.get('mask')!.data as Float32Array).map((kept) => 1 - kept) } }));
    case 'denoising':
      return of(denoising());
    case 'decolorize': {
      const [r, g, b] = stored.get('srf')!.data as Float32Array;
      return of(colorization({ weights: [r!, g!, b!] }));
    }
  }
}

goldenSet('operators against deepinv (golden/operators)', ['operators/cases.json'], () => {
  const { cases, images } = readGolden<{ cases: Case[]; images: Record<string, { file: string }> }>('operators/cases.json');
  let addon: Addon;
  let device: Device;
  beforeAll(() => {
    addon = loadAddon(DEVICE);
    device = addon.openDevice(DEVICE);
  });

  const register = (golden: Case) => (): void => {
    const { height, width, channels } = golden;
    let stored: Map<string, Stored>;
    let pictures: Map<string, Stored>;
    let operator: NativeOperator;
    const upload = (tensor: Stored, planes = channels) => device.upload(tensor.data, [1, planes, ...tensor.shape.slice(-2)]);
    const want = (name: string): Float32Array => stored.get(name)!.data as Float32Array;
    const measured = (): number => (golden.operator === 'decolorize' ? 1 : channels);

    beforeAll(async () => {
      stored = await readTensors(goldenPath(`operators/${golden.file}`));
      pictures = await readTensors(goldenPath(`operators/${images[golden.images]!.file}`));
      operator = build(addon, device, golden, stored);
    });

    it('A', async () => {
      using x = upload(pictures.get('x')!);
      using y = operator.forward(x);
      expect(operator.imageShape(y.shape)).toEqual(golden.operator === 'denoising' ? y.shape : x.shape);
      expect(relativeDistance((await y.read()) as Float32Array, want('y_clean'))).toBeLessThan(golden.suggested_rel_tol.A);
    });

    it('adjoint', async () => {
      using y = upload(stored.get('y')!, measured());
      using x = operator.adjoint(y);
      const got = select((await x.read()) as Float32Array, golden.adj_channels, height * width);
      expect(relativeDistance(got, want('adj'))).toBeLessThan(golden.suggested_rel_tol.A_adjoint);
    });

    it.each(golden.prox)('prox, gamma $gamma', async ({ gamma, tensor, channels: planes, ...tolerances }) => {
      const ownTaps = golden.operator === 'downsampling' && golden.filter !== 'custom';
      const tolerance = ownTaps ? (tolerances.suggested_rel_tol_own_taps ?? tolerances.suggested_rel_tol) : tolerances.suggested_rel_tol;
      using z = upload(pictures.get('z')!);
      using y = upload(stored.get('y')!, measured());
      using gammas = device.full([1], gamma);
      for (const step of [gamma, gammas]) {
        using x = operator.prox(z, y, step);
        expect(relativeDistance(select((await x.read()) as Float32Array, planes, height * width), want(tensor))).toBeLessThan(tolerance);
      }
    });
  };
  for (const golden of cases)
    goldenSet(golden.id, [`operators/${golden.file}`, `operators/${images[golden.images]!.file}`], register(golden));
});

goldenSet('the official start (golden/operators)', ['operators/cases.json', 'operators/x_init.safetensors'], () => {
  const { cases, x_init } = readGolden<{
    cases: Case[];
    x_init: { entries: { tensor: string; case?: string; channels: number[]; iterations?: number }[] };
  }>('operators/cases.json');
  const fills = x_init.entries.filter(({ iterations }) => iterations !== undefined);

  it.each(fills)('$tensor', async ({ tensor, channels, iterations }) => {
    const golden = cases.find(({ id }) => id === fills.find((entry) => entry.case)!.case)!;
    const stored = await readTensors(goldenPath(`operators/${golden.file}`));
    const want = (await readTensors(goldenPath('operators/x_init.safetensors'))).get(tensor)!.data as Float32Array;
    const addon = loadAddon(DEVICE);
    const device = addon.openDevice(DEVICE);
    const { height, width } = golden;
    using y = device.upload(stored.get('y')!.data, [1, golden.channels, height, width]);
    using filled = officialFill(addon, device, build(addon, device, golden, stored), y, iterations);
    expect(relativeDistance(select((await filled.read()) as Float32Array, channels, height * width), want)).toBeLessThan(1e-6);
  });
});
