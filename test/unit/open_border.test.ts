import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { degrade, type Image, parseOperator } from '../../src/index.js';
import { openBorders } from '../../src/open_border.js';
import { root } from '../support/cli.js';
import { middle } from '../support/middle.js';

const folder = join(root, 'models/photos-lcm/samples');
const photographs = readdirSync(folder)
  .filter((name) => name.endsWith('.png'))
  .map((name) => join(folder, name));
const TASKS = ['deblur:gaussian:1.5', 'deblur:gaussian:3', 'deblur:motion:25:30', 'deblur:motion:15:0', 'deblur:motion:random:7'];

describe('a circular blur', () => {
  const warnings = async (spelling: string, sigma: number, made: string, cut: (image: Image) => Image = (image) => image) => {
    const pictures = photographs.map(async (path) => {
      const blurred = await degrade(path, { operator: await parseOperator(made), sigma });
      return { image: cut(blurred.image), sigma: { sigma, certain: true, estimated: false } };
    });
    return openBorders(await parseOperator(spelling), await Promise.all(pictures));
  };

  it.each(TASKS)('is believed where it was one (%s)', async (task) => {
    for (const sigma of [0.005, 0.05]) expect(await warnings(task, sigma, task), `${sigma}`).toEqual([]);
  });

  it.each(TASKS)('is doubted where opposite borders of the picture do not meet (%s)', async (task) => {
    const images = [...photographs.keys()];
    for (const sigma of [0.005, 0.05]) {
      const found = await warnings(task, sigma, `${task},boundary=replicate`, (image) => middle(image, 160));
      expect(found, `${sigma}`).toEqual([{ code: 'WARN_LATINO_BORDER', message: expect.stringMatching(/boundary=replicate/), images }]);
    }
  });

  it.each(['reflect', 'replicate', 'zero'])('is no other blur (%s)', async (boundary) => {
    const task = `deblur:gaussian:3,boundary=${boundary}`;
    expect(await warnings(task, 0.01, task, (image) => middle(image, 160))).toEqual([]);
  });

  it('says nothing of other operators, or of a blur of less than two pixels', async () => {
    for (const task of ['denoise', 'deblur:gaussian:0.5']) expect(await warnings(task, 0.01, 'denoise')).toEqual([]);
  });
});
