import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { latinoTimesteps, lcmTimesteps, loadSchedule } from '../../src/pipeline/schedule.js';
import { goldenPath } from '../support/golden.js';

interface Golden {
  readonly alphas_cumprod: number[];
  readonly schedules: Record<'latino_8' | 'dmd2_4' | 'lcm_default_8' | 'lcm_default_4', { timesteps: number[] }>;
}

const path = goldenPath('schedule.json');
const tiny = goldenPath('models/tiny-sd15');
const hasTiny = existsSync(`${tiny}/scheduler-io.safetensors`);

function relativeError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  expect(got.length).toBe(want.length);
  return Math.max(...Array.from(want, (value, i) => Math.abs(got[i]! - value) / value));
}

describe.skipIf(!existsSync(path))('the schedule (golden/schedule.json)', () => {
  const golden = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Golden) : undefined;

  it("has the authors' timesteps", () => {
    expect(latinoTimesteps(8)).toEqual(golden!.schedules.latino_8.timesteps);
    expect(latinoTimesteps(4)).toEqual(golden!.schedules.dmd2_4.timesteps);
  });

  it("has LCMScheduler's timesteps", () => {
    expect(lcmTimesteps(8)).toEqual(golden!.schedules.lcm_default_8.timesteps);
    expect(lcmTimesteps(4)).toEqual(golden!.schedules.lcm_default_4.timesteps);
  });

  it.skipIf(!hasTiny).each(['tiny-sd15', 'tiny-sdxl'])('has the alphas_cumprod of float64 (%s)', async (model) => {
    const { alphasCumprod } = await loadSchedule(goldenPath(`models/${model}/scheduler`));
    expect(relativeError(alphasCumprod, golden!.alphas_cumprod)).toBeLessThan(1e-12);
  });
});

describe.skipIf(!hasTiny)('LCMScheduler (golden/models/tiny-sd15)', () => {
  const bytes = hasTiny ? readFileSync(`${tiny}/scheduler-io.safetensors`) : Buffer.alloc(8);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const values = (name: string): ArrayBuffer => {
    const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<string, { data_offsets: [number, number] }>;
    const [begin, end] = header[name]!.data_offsets;
    return new Uint8Array(bytes.subarray(start + begin, start + end)).buffer;
  };

  it('has its alphas_cumprod', async () => {
    const { alphasCumprod } = await loadSchedule(`${tiny}/scheduler`);
    expect(relativeError(alphasCumprod, new Float32Array(values('alphas_cumprod')))).toBeLessThan(2e-6);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('has its timesteps for %i steps', (steps) => {
    expect(lcmTimesteps(steps)).toEqual(Array.from(new BigInt64Array(values(`timesteps_n${steps}`)), Number));
  });
});
