import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderFiles } from '../../src/checkpoint/diffusers_folder.js';
import { loadSchedule } from '../../src/checkpoint/schedule.js';
import { geometricTimesteps, latinoTimesteps, lcmTimesteps, squaredTimesteps } from '../../src/prior/timesteps.js';

describe.each([
  ['latinoTimesteps', latinoTimesteps],
  ['lcmTimesteps', lcmTimesteps],
  ['squaredTimesteps', squaredTimesteps],
  ['geometricTimesteps', geometricTimesteps],
])('%s', (_, timesteps) => {
  it('starts at 999 and falls to at least 0, for every number of steps', () => {
    for (let steps = 1; steps <= 50; steps++) {
      const list = timesteps(steps);
      expect(list).toHaveLength(steps);
      expect(list[0]).toBe(999);
      expect(list.every((t, i) => Number.isInteger(t) && t >= 0 && (i === 0 || t < list[i - 1]!))).toBe(true);
    }
  });

  it.each([0, 51, 1.5, Number.NaN])('refuses %d steps', (steps) => {
    expect(() => timesteps(steps)).toThrow(expect.objectContaining({ code: 'ERR_LATINO_ARGUMENT' }));
  });
});

describe('loadSchedule', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latino-schedule-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const load = async (changes: object) => {
    const config = { beta_schedule: 'linear', beta_start: 0.1, beta_end: 0.2, ...changes };
    await writeFile(join(folder, 'scheduler_config.json'), JSON.stringify(config));
    return loadSchedule(new FolderFiles(folder));
  };

  it('multiplies what linear betas leave', async () => {
    const schedule = await load({});
    expect(schedule.alphaCumprod(0)).toBeCloseTo(0.9, 14);
    expect(schedule.alphaCumprod(1)).toBeCloseTo(0.9 * (0.9 - 0.1 / 999), 14);
  });

  it.each([-1, 1000, 0.5])('refuses timestep %d', async (t) => {
    const schedule = await load({});
    expect(() => schedule.alphaCumprod(t)).toThrow(expect.objectContaining({ code: 'ERR_LATINO_ARGUMENT' }));
  });

  it.each([
    { prediction_type: 'sample' },
    { beta_schedule: 'squaredcos_cap_v2' },
    { rescale_betas_zero_snr: true },
    { num_train_timesteps: 500 },
    { beta_end: 2 },
  ])('refuses $0 by name', async (changes) => {
    const [name] = Object.keys(changes);
    await expect(load(changes)).rejects.toMatchObject({ code: 'ERR_LATINO_MODEL', message: expect.stringContaining(name!) });
  });

  it('refuses a folder without a schedule', async () => {
    await expect(loadSchedule(new FolderFiles(folder))).rejects.toMatchObject({ code: 'ERR_LATINO_MODEL' });
  });
});
