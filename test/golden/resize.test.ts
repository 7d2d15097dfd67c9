import { beforeAll, expect, it } from 'vitest';
import type { Addon, Device, SparseMatrix } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { resizeMatrix } from '../../src/operators/filters.js';
import { buildOperator, type ResizeFilter, superResolution } from '../../src/operators/index.js';
import { maxRelativeError } from '../support/compare.js';
import { dense } from '../support/dense.js';
import { DEVICE } from '../support/device.js';
import { goldenPath, goldenSet, readGolden } from '../support/golden.js';
import { readTensors, type Stored } from '../support/safetensors.js';

interface Case {
  readonly x: string;
  readonly y: string;
  readonly filter: ResizeFilter;
  readonly factor: number;
}

/** vertical · x · horizontalᵀ in double, for x [vertical.columns, horizontal.columns]. */
function applySeparable(vertical: SparseMatrix, x: ArrayLike<number>, horizontal: SparseMatrix): Float64Array {
  const [down, across] = [dense(vertical), dense(horizontal)];
  const half = new Float64Array(vertical.rows * horizontal.columns);
  for (let i = 0; i < vertical.rows; i++) {
    for (let k = 0; k < vertical.columns; k++) {
      const tap = down[i * vertical.columns + k]!;
      if (tap === 0) continue;
      for (let j = 0; j < horizontal.columns; j++) half[i * horizontal.columns + j]! += tap * x[k * horizontal.columns + j]!;
    }
  }
  const y = new Float64Array(vertical.rows * horizontal.rows);
  for (let i = 0; i < vertical.rows; i++) {
    for (let j = 0; j < horizontal.rows; j++) {
      let sum = 0;
      for (let k = 0; k < horizontal.columns; k++) sum += half[i * horizontal.columns + k]! * across[j * horizontal.columns + k]!;
      y[i * horizontal.rows + j] = sum;
    }
  }
  return y;
}

goldenSet('resize as Pillow performs it (golden/resize)', ['resize/cases.json', 'resize/resize.safetensors'], () => {
  const { cases } = readGolden<{ cases: Case[] }>('resize/cases.json');
  let addon: Addon;
  let device: Device;
  beforeAll(() => {
    addon = loadAddon(DEVICE);
    device = addon.openDevice(DEVICE);
  });
  let tensors: Map<string, Stored>;
  beforeAll(async () => {
    tensors = await readTensors(goldenPath('resize/resize.safetensors'));
  });

  it.each(cases)('$y', async ({ x: xName, y: yName, filter, factor }) => {
    const x = tensors.get(xName)!;
    const [height, width] = x.shape as [number, number];
    const want = tensors.get(yName)!.data as Float32Array;
    const own = applySeparable(resizeMatrix(height, factor, filter), x.data as Float32Array, resizeMatrix(width, factor, filter));
    expect(maxRelativeError(own, want)).toBeLessThan(1e-6);

    const operator = buildOperator(addon, device, superResolution({ factor, filter }), { height, width });
    using input = device.upload(x.data, [1, 1, height, width]);
    using output = operator.forward(input);
    expect(output.shape).toEqual([1, 1, height / factor, width / factor]);
    expect(maxRelativeError((await output.read()) as Float32Array, want)).toBeLessThan(2e-6);
  });
});
