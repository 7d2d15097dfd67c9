// What steps, noise level, step rule and prompt do to a restoration by the embedded prior, for docs/choosing.md:
//   node bench/choosing.mjs FOLDER [--pictures 12] [--out FILE]
// Eight steps where a row says nothing of them. FOLDER holds clean photographs; each is damaged with its own noise, and every row restores the same measurements from the same seed.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Latino, parseOperator, psnr, readImage, ssim } from '../dist/index.js';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { pictures: { type: 'string', default: '12' }, out: { type: 'string' } },
});
const TASKS = [
  ['sr:4', 0.01],
  ['deblur:gaussian:3', 0.01],
  ['denoise', 0.1],
];
const ROWS = {
  steps: [1, 2, 4, 8, 16, 32].map((steps) => [steps, { steps }]),
  sigma: [0.25, 0.5, 0.8, 1, 1.25, 2, 4].map((factor) => [factor, { factor }]),
  stepRule: ['auto', 'discrepancy', 'official'].map((stepRule) => [stepRule, { stepRule }]),
  prompt: ['a photo', '', 'a close-up photo of an animal', 'a drawing'].map((prompt) => [prompt, { prompt }]),
  result: ['decoded', 'proximal'].map((result) => [result, { result }]),
};

const folder = positionals[0];
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.png'))
  .sort();
const every = Math.max(1, Math.floor(names.length / Number(values.pictures)));
const chosen = names.filter((_, k) => k % every === 0).slice(0, Number(values.pictures));
const clean = await Promise.all(chosen.map((name) => readImage(join(folder, name), { channels: 3 })));
const latino = await Latino.load({ device: 'cpu' });
const mean = (numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
const round = (x, digits) => Number(x.toFixed(digits));

const rows = [];
for (const [name, sigma] of TASKS) {
  const operator = await parseOperator(name);
  const measured = await Promise.all(clean.map((image, seed) => latino.degrade(image, { operator, sigma, seed }).then((y) => y.image)));
  for (const [choice, settings] of Object.entries(ROWS)) {
    for (const [value, { factor = 1, ...options }] of settings) {
      const scores = [];
      for (const [k, y] of measured.entries()) {
        const { image } = await latino.restore(y, { operator, sigma: sigma * factor, seed: 1, steps: 8, ...options });
        scores.push([await psnr(image, clean[k]), await ssim(image, clean[k])]);
      }
      const row = {
        task: name,
        sigma,
        choice,
        value,
        psnr: round(mean(scores.map(([p]) => p)), 2),
        ssim: round(mean(scores.map(([, s]) => s)), 3),
      };
      rows.push(row);
      console.log(JSON.stringify(row));
    }
  }
}
await latino.dispose();
if (values.out) writeFileSync(values.out, `${JSON.stringify({ pictures: clean.length, rows }, null, 1)}\n`);
