// Whether the windows that the UNet sees of a large photograph show in what is restored, and what it takes:
// node bench/windows.mjs --picture FILE [--width 3000] [--height 2000] [--tasks sr:4,deblur:gaussian:3] [--steps 4] [--save FOLDER] [--out bench/results/windows.json]
// The middle of the picture is damaged and restored by the default model, each task in a process of its own. The energy of the gradient across the
// borders of windows is compared with that one latent beside them: lines between latents differ a little from those inside, in pictures of one window
// too. How much chance there is in it, the same for lines elsewhere shows, and for the original.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { degrade, Latino, parseOperator, psnr, readImage } from '../dist/index.js';
import { bordersOf, energyAcross } from './border_energy.mjs';

const { values } = parseArgs({
  options: {
    picture: { type: 'string' },
    width: { type: 'string', default: '3000' },
    height: { type: 'string', default: '2000' },
    tasks: { type: 'string', default: 'sr:4,deblur:gaussian:3' },
    steps: { type: 'string', default: '4' },
    save: { type: 'string' },
    out: { type: 'string' },
    /** One task, in this process. */
    task: { type: 'string' },
  },
});
const SIGMA = 0.02;
/** Pixels that a latent of the default model stands for. */
const LATENT = 4;
/** Latents between the borders and the lines elsewhere. */
const ELSEWHERE = Array.from({ length: 20 }, (_, k) => 3 * (k < 10 ? k - 12 : k - 7));
const [width, height, steps] = [values.width, values.height, values.steps].map(Number);

async function measure(task) {
  const full = await sharp(values.picture).metadata();
  const box = { left: (full.width - width) >> 1, top: (full.height - height) >> 1, width, height };
  const clean = await readImage(await sharp(values.picture).extract(box).png().toBuffer());
  const operator = await parseOperator(task);
  const measurement = await (await degrade(clean, { operator, sigma: SIGMA })).toBuffer();
  const latino = await Latino.load({ device: 'cpu' });
  const { nativeSize } = latino.defaults(operator);
  const lines = { columns: bordersOf(width, nativeSize), rows: bordersOf(height, nativeSize) };
  const before = process.memoryUsage.rss();
  const begun = performance.now();
  const restored = await latino.restore(measurement, { operator, sigma: SIGMA, steps });
  const { image, record } = restored;
  const seconds = (performance.now() - begun) / 1000;
  if (values.save) await restored.toFile(join(values.save, `${task.replaceAll(':', '-')}.png`));
  const moved = (by) => ({ columns: lines.columns.map((at) => at + by), rows: lines.rows.map((at) => at + by) });
  const inside = ({ columns, rows }) => ({
    columns: columns.filter((at) => at > 8 && at < width - 8),
    rows: rows.filter((at) => at > 8 && at < height - 8),
  });
  const elsewhere = ELSEWHERE.map((latents) => energyAcross(image, inside(moved(latents * LATENT)), LATENT));
  const report = {
    across: energyAcross(image, lines, LATENT),
    elsewhere: {
      least: Math.min(...elsewhere),
      mean: elsewhere.reduce((sum, x) => sum + x, 0) / elsewhere.length,
      most: Math.max(...elsewhere),
    },
    ofOriginal: energyAcross(clean, lines, LATENT),
    result: record.result,
    psnr: await psnr(image, clean),
    seconds,
    peakMiB: process.resourceUsage().maxRSS / 1024,
    beforeMiB: before / 2 ** 20,
    window: nativeSize,
  };
  await latino.dispose();
  return report;
}

if (values.task) {
  console.log(JSON.stringify(await measure(values.task)));
  process.exit(0);
}

const tasks = {};
for (const task of values.tasks.split(',')) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [fileURLToPath(import.meta.url), ...process.argv.slice(2), '--task', task],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(stderr);
  const found = JSON.parse(stdout);
  tasks[task] = found;
  const { across, elsewhere, ofOriginal, psnr, seconds, peakMiB } = found;
  console.log(
    `${task.padEnd(20)} across borders ${across.toFixed(3)} of the gradient beside them, elsewhere ${elsewhere.mean.toFixed(3)}`,
    `(${elsewhere.least.toFixed(3)} to ${elsewhere.most.toFixed(3)}), in the original ${ofOriginal.toFixed(3)};`,
    `${psnr.toFixed(2)} dB, ${seconds.toFixed(0)} s, ${(peakMiB / 1024).toFixed(2)} GiB at most`,
  );
}
const report = { date: new Date().toISOString().slice(0, 10), width, height, sigma: SIGMA, steps, tasks };
if (values.out) writeFileSync(values.out, `${JSON.stringify(report, null, 1)}\n`);
