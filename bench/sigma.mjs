// How near the estimated noise level is to the true one, and what that does to restorations:
// node bench/sigma.mjs [--pictures FOLDER,FOLDER] [--parts estimates,limits,jpeg,restorations] [--restorations 4] [--side 128] [--out bench/results/sigma.json]
// Parts that are not asked for stay in that file as they were.
// Measurements are stored in 8 bits, clipped; those of the second table as JPEG. Restorations are of the middle of each picture.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { degrade, estimateSigma, Latino, parseOperator, psnr, readImage } from '../dist/index.js';
import { median } from './median.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values } = parseArgs({
  options: {
    pictures: { type: 'string', default: [here('../test/photographs'), here('../models/photos-lcm/samples')].join(',') },
    parts: { type: 'string', default: 'estimates,limits,jpeg,restorations' },
    restorations: { type: 'string', default: '4' },
    side: { type: 'string', default: '128' },
    out: { type: 'string' },
  },
});
const TASKS = [
  ...['sr:2', 'sr:4', 'sr:8', 'deblur:gaussian:2', 'deblur:gaussian:3', 'deblur:motion:25:30', 'inpaint:box:40:36:48:56'],
  ...['denoise', 'colorize'],
];
const SIGMAS = [0.005, 0.01, 0.02, 0.05, 0.1];
const QUALITIES = [75, 85, 95];
const WITHIN = 0.15;
const REPEATS = 8;

const paths = values.pictures.split(',').flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => /\.(png|webp)$/.test(name))
    .map((name) => join(folder, name)),
);
/** Of sides that every factor divides. */
const pictures = await Promise.all(
  paths.map(async (path) => {
    const { width, height } = await sharp(path).metadata();
    return readImage(
      await sharp(path)
        .extract({ left: 0, top: 0, width: width & ~7, height: height & ~7 })
        .png()
        .toBuffer(),
    );
  }),
);
const mean = (numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
const near = (estimates) => estimates.filter(({ ratio }) => Math.abs(ratio - 1) <= WITHIN).length / estimates.length;
const percent = (part) => `${Math.round(100 * part)} %`;
function summary(estimates) {
  const certain = estimates.filter((each) => each.certain);
  return {
    within: near(estimates),
    ratio: median(estimates.map(({ ratio }) => ratio)),
    certain: certain.length / estimates.length,
    withinOfCertain: certain.length > 0 ? near(certain) : null,
  };
}

/** How many estimates are near the true level. */
async function estimates() {
  const tasks = {};
  const all = [];
  for (const task of TASKS) {
    const operator = await parseOperator(task);
    tasks[task] = {};
    for (const [k, sigma] of SIGMAS.entries()) {
      const found = [];
      for (const [n, picture] of pictures.entries()) {
        const measured = await (await degrade(picture, { operator, sigma, seed: SIGMAS.length * n + k })).toBuffer('png');
        const { sigma: estimated, certain } = await estimateSigma(measured, { operator });
        found.push({ ratio: estimated / sigma, certain });
      }
      all.push(...found);
      tasks[task][sigma] = summary(found);
    }
    const cells = Object.values(tasks[task]).map(
      ({ within, withinOfCertain, certain }) => `${percent(within).padStart(5)} (${percent(withinOfCertain)} of ${percent(certain)})`,
    );
    console.log(task.padEnd(24), cells.join('  '));
  }
  const sure = all.filter(({ certain }) => certain);
  console.log(`within 15 %: ${percent(near(all))} of ${all.length}, ${percent(near(sure))} of the ${sure.length} that are certain`);
  return { pictures: pictures.length, tasks, all: summary(all), certain: { estimates: sure.length, ...summary(sure) } };
}

/**
 * What the least noise has against it, in the tasks in which it is found worst: what the measurement of a picture shows without any noise added, and
 * how estimates scatter by chance. All in parts of that noise.
 */
async function limits() {
  const tasks = {};
  const [sigma] = SIGMAS;
  for (const task of ['sr:8', 'colorize']) {
    const operator = await parseOperator(task);
    const estimateOf = async (picture, level, seed) => {
      const measured = await (await degrade(picture, { operator, sigma: level, seed })).toBuffer('png');
      return (await estimateSigma(measured, { operator })).sigma / sigma;
    };
    tasks[task] = [];
    for (const picture of pictures) {
      const withoutNoise = await estimateOf(picture, 0, 0);
      const found = [];
      for (let seed = 0; seed < REPEATS; seed++) found.push(await estimateOf(picture, sigma, seed));
      const middle = mean(found);
      const scatter = Math.sqrt(mean(found.map((x) => (x - middle) ** 2))) / middle;
      tasks[task].push({
        width: picture.width,
        height: picture.height,
        withoutNoise,
        both: Math.hypot(1, withoutNoise),
        mean: middle,
        scatter,
      });
    }
    const range = (name) => [Math.min, Math.max].map((end) => end(...tasks[task].map((each) => each[name])).toFixed(3)).join(' to ');
    console.log(`${task} at ${sigma}: without noise ${range('withoutNoise')}, with it ${range('mean')}, by chance ${range('scatter')}`);
  }
  return { sigma, tasks };
}

/** Root mean square of all that a stored measurement has wrong. */
function errorOf(measured, clean) {
  let sum = 0;
  for (let i = 0; i < clean.data.length; i++) sum += ((measured.data[i] - clean.data[i]) / 2) ** 2;
  return Math.sqrt(sum / clean.data.length);
}

/** How the estimates for JPEGs compare with all that is wrong in them. */
async function jpeg() {
  const qualities = {};
  for (const quality of QUALITIES) {
    qualities[quality] = {};
    for (const sigma of [0.005, 0.02, 0.05]) {
      const found = [];
      for (const task of ['denoise', 'deblur:gaussian:2', 'sr:2']) {
        const operator = await parseOperator(task);
        for (const [n, picture] of pictures.entries()) {
          const clean = (await degrade(picture, { operator, sigma: 0 })).image;
          const png = await (await degrade(picture, { operator, sigma, seed: n })).toBuffer('png');
          const stored = await sharp(png).jpeg({ quality }).toBuffer();
          const { sigma: estimated, certain } = await estimateSigma(stored, { operator });
          found.push({ ratio: estimated / errorOf(await readImage(stored), clean), certain });
        }
      }
      const { ratio, certain } = summary(found);
      qualities[quality][sigma] = { ratio, certain };
      console.log(`JPEG ${quality}, noise ${sigma}: ${ratio.toFixed(2)} of the error, certain in ${percent(certain)}`);
    }
  }
  return qualities;
}

/** What restorations gain or lose in PSNR by the estimate in place of the true level. */
async function restorations() {
  const side = Number(values.side);
  const middles = await Promise.all(
    paths.slice(0, Number(values.restorations)).map(async (path) => {
      const { width, height } = await sharp(path).metadata();
      const box = { left: (width - side) >> 1, top: (height - side) >> 1, width: side, height: side };
      return readImage(await sharp(path).extract(box).png().toBuffer());
    }),
  );
  const latino = await Latino.load({ model: 'photos', device: 'cpu' });
  const all = [];
  const tasks = {};
  for (const task of TASKS) {
    const operator = await parseOperator(task);
    tasks[task] = {};
    for (const sigma of SIGMAS) {
      const gains = [];
      for (const [n, clean] of middles.entries()) {
        const input = await (await degrade(clean, { operator, sigma, seed: n })).toBuffer('png');
        const options = { operator, steps: 8, onWarning: () => undefined };
        const restored = await latino.restoreBatch(
          [
            { input, sigma: 'auto' },
            { input, sigma },
          ],
          options,
        );
        const [estimated, given] = await Promise.all(restored.map(({ image }) => psnr(image, clean)));
        gains.push(estimated - given);
      }
      all.push(...gains);
      tasks[task][sigma] = mean(gains);
    }
    const cells = Object.values(tasks[task]).map((gain) => gain.toFixed(2).padStart(6));
    console.log(task.padEnd(24), cells.join(' '), 'dB');
  }
  await latino.dispose();
  const report = { pictures: middles.length, side, tasks, mean: mean(all), worst: Math.min(...all) };
  console.log(`restorations: ${report.mean.toFixed(3)} dB on average, ${report.worst.toFixed(2)} dB at worst`);
  return report;
}

const report = values.out && existsSync(values.out) ? JSON.parse(readFileSync(values.out, 'utf8')) : {};
report.date = new Date().toISOString().slice(0, 10);
for (const [name, part] of Object.entries({ estimates, limits, jpeg, restorations })) {
  if (!values.parts.split(',').includes(name)) continue;
  report[name] = await part();
  if (values.out) writeFileSync(values.out, `${JSON.stringify(report, null, 1)}\n`);
}
