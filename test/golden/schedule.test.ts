import { beforeAll, expect, it } from 'vitest';
import { FolderFiles } from '../../src/checkpoint/diffusers_folder.js';
import { loadSchedule } from '../../src/checkpoint/schedule.js';
import { latinoTimesteps, lcmTimesteps } from '../../src/prior/timesteps.js';
import { goldenPath, goldenSet, MODEL_INDEX, modelSets, readGolden } from '../support/golden.js';
import { readTensors, type Stored } from '../support/safetensors.js';

interface Golden {
  readonly alphas_cumprod: number[];
  readonly schedules: Record<'latino_8' | 'dmd2_4' | 'lcm_default_8' | 'lcm_default_4', { timesteps: number[] }>;
}

function relativeError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  expect(got.length).toBe(want.length);
  return Math.max(...Array.from(want, (value, i) => Math.abs(got[i]! - value) / value));
}

const alphas = async (set: string): Promise<Float64Array> =>
  (await loadSchedule(new FolderFiles(goldenPath(`models/${set}/scheduler`)))).alphasCumprod;
const models = modelSets().filter(({ files }) => files.includes('scheduler/scheduler_config.json'));

goldenSet('the schedule (golden/schedule.json)', ['schedule.json'], () => {
  const golden = readGolden<Golden>('schedule.json');

  it("has the authors' timesteps", () => {
    expect(latinoTimesteps(8)).toEqual(golden.schedules.latino_8.timesteps);
    expect(latinoTimesteps(4)).toEqual(golden.schedules.dmd2_4.timesteps);
  });

  it("has LCMScheduler's timesteps", () => {
    expect(lcmTimesteps(8)).toEqual(golden.schedules.lcm_default_8.timesteps);
    expect(lcmTimesteps(4)).toEqual(golden.schedules.lcm_default_4.timesteps);
  });

  for (const { name } of models) {
    goldenSet(name, [`models/${name}/scheduler`], () => {
      it('has the alphas_cumprod of float64', async () => {
        expect(relativeError(await alphas(name), golden.alphas_cumprod)).toBeLessThan(1e-12);
      });
    });
  }
});

goldenSet('LCMScheduler (golden/models)', [MODEL_INDEX], () => {
  for (const { name } of models.filter(({ files }) => files.includes('scheduler-io.safetensors'))) {
    goldenSet(name, [`models/${name}/scheduler-io.safetensors`, `models/${name}/scheduler`], () => {
      let stored: Map<string, Stored>;
      beforeAll(async () => {
        stored = await readTensors(goldenPath(`models/${name}/scheduler-io.safetensors`));
      });

      it('has its alphas_cumprod', async () => {
        expect(relativeError(await alphas(name), stored.get('alphas_cumprod')!.data as Float32Array)).toBeLessThan(2e-6);
      });

      it.each([1, 2, 3, 4, 5, 6, 7, 8])('has its timesteps for %i steps', (steps) => {
        expect(lcmTimesteps(steps)).toEqual(Array.from(stored.get(`timesteps_n${steps}`)!.data, Number));
      });
    });
  }
});
