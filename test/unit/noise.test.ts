import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { calibrationNoise, type NoiseSource, seededNoise } from '../../src/solver/noise.js';
import { DEVICE } from '../support/device.js';

const device = loadAddon(DEVICE).openDevice(DEVICE);
const COUNT = 10_000;

async function values(source: NoiseSource): Promise<Float32Array> {
  using noise: Tensor = source([COUNT]);
  return (await noise.read()) as Float32Array;
}

function correlation(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0) / COUNT;
}

describe('the noise of a calibration', () => {
  it('is that of its seed, new at every call', async () => {
    const [source, same] = [calibrationNoise(device, 3), calibrationNoise(device, 3)];
    const [first, second] = [await values(source), await values(source)];
    expect(await values(same)).toEqual(first);
    // Five standard deviations.
    expect(Math.abs(correlation(first, second))).toBeLessThan(0.05);
    expect(Math.abs(correlation(first, await values(calibrationNoise(device, 4))))).toBeLessThan(0.05);
  });

  it.each([0, 1, 12345, Number.MAX_SAFE_INTEGER])('is independent of the noise of a restoration with the same seed %i', async (seed) => {
    const [calibration, restoration] = [calibrationNoise(device, seed), seededNoise(device, seed)];
    const earlier = [await values(calibration), await values(calibration)];
    const later = [await values(restoration), await values(restoration)];
    for (const a of earlier) for (const b of later) expect(Math.abs(correlation(a, b))).toBeLessThan(0.05);
    expect(correlation(later[0]!, later[0]!)).toBeGreaterThan(0.9);
  });
});
