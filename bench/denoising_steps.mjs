// How many steps noise alone is worth, by its level, with the embedded prior:
//   node bench/denoising_steps.mjs FOLDER [--pictures 12] [--out bench/results/denoising_steps.json]
// FOLDER holds clean photographs. All numbers of steps restore the same measurements from the same seed, with the true level.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { degrade, denoising, Latino, psnr, readImage, ssim } from '../dist/index.js';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { pictures: { type: 'string', default: '12' }, out: { type: 'string' } },
});
const SIGMAS = [0.05, 0.075, 0.1, 0.15, 0.2];
const STEPS = [8, 12, 16];

const [folder] = positionals;
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.png'))
  .sort();
const every = Math.max(1, Math.floor(names.length / Number(values.pictures)));
const chosen = names.filter((_, k) => k % every === 0).slice(0, Number(values.pictures));
const clean = await Promise.all(chosen.map((name) => readImage(join(folder, name), { channels: 3 })));
const operator = denoising();
const latino = await Latino.load({ model: 'photos', device: 'cpu' });
const mean = (numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
const round = (x, digits) => Number(x.toFixed(digits));

const rows = [];
for (const sigma of SIGMAS) {
  const inputs = await Promise.all(clean.map(async (image, seed) => ({ input: (await degrade(image, { operator, sigma, seed })).image })));
  const fewest = [];
  for (const steps of STEPS) {
    const restored = await latino.restoreBatch(inputs, { operator, sigma, steps, seed: 1 });
    const scores = await Promise.all(restored.map(async ({ image }, k) => [await psnr(image, clean[k]), await ssim(image, clean[k])]));
    if (steps === STEPS[0]) fewest.push(...scores);
    const gains = scores.map(([decibels], k) => decibels - fewest[k][0]);
    const row = {
      sigma,
      steps,
      psnr: round(mean(scores.map(([decibels]) => decibels)), 2),
      ssim: round(mean(scores.map(([, similarity]) => similarity)), 3),
      gain: round(mean(gains), 2),
      leastGain: round(Math.min(...gains), 2),
    };
    rows.push(row);
    console.log(JSON.stringify(row));
  }
}
await latino.dispose();
if (values.out) writeFileSync(values.out, `${JSON.stringify({ pictures: clean.length, rows }, null, 1)}\n`);
