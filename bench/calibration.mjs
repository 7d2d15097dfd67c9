// What calibrating a prompt gains on held-out portraits (bench/heldout, rendered by models/portraits-lcm/training/render.mjs from the
// seeds in facts.json, which no training used): node bench/calibration.mjs [--images 32] [--seeds 3] [--presets best,official] [--tasks sr:8,sr:16] [--out FILE]
// Every restoration is paired: the same measurement and the same noise, with the vague prompt, the calibrated and the right one.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gaussianBlur, inpainting, Latino, psnr, readImage, superResolution } from '../dist/index.js';

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '32' },
    seeds: { type: 'string', default: '3' },
    presets: { type: 'string', default: 'best' },
    tasks: { type: 'string' },
    threads: { type: 'string' },
    out: { type: 'string' },
  },
});
const VAGUE = 'a portrait of a person';
const SIGMA = 0.01;
const TASKS = {
  'sr:8': superResolution({ factor: 8 }),
  'sr:16': superResolution({ factor: 16 }),
  'deblur:gaussian:6': gaussianBlur({ sigma: 6 }),
  'inpaint:box:40:36:48:56': inpainting({ box: [40, 36, 48, 56] }),
};

const folder = fileURLToPath(new URL('heldout/', import.meta.url));
const facts = JSON.parse(readFileSync(`${folder}facts.json`, 'utf8')).slice(0, Number(values.images));
const promptOf = ({ attributes, background, style }) => `${VAGUE} with ${attributes.join(', ')}, ${background} background, ${style} style`;
const images = await Promise.all(facts.map(({ seed }) => readImage(`${folder}${seed}.png`, { channels: 3 })));
const latino = await Latino.load({ model: 'portraits', device: 'cpu', ...(values.threads && { threads: Number(values.threads) }) });

/** Mean and standard error; runs on one picture are averaged first, since they are not independent. */
function summary(perPicture) {
  const means = perPicture.map((runs) => runs.reduce((sum, x) => sum + x, 0) / runs.length);
  const mean = means.reduce((sum, x) => sum + x, 0) / means.length;
  const variance = means.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (means.length - 1);
  return { mean, standardError: Math.sqrt(variance / means.length) };
}

const report = { images: images.length, seeds: Number(values.seeds), sigma: SIGMA, prompt: VAGUE, tasks: {}, wrongPrompt: {} };
const save = () => values.out && writeFileSync(values.out, `${JSON.stringify(report, null, 1)}\n`);
const presets = values.presets.split(',');
const wanted = Object.entries(TASKS).filter(([task]) => values.tasks?.split(',').includes(task) ?? true);
for (const [task, operator] of wanted) {
  const vague = [];
  const gains = Object.fromEntries(['right', ...presets].map((name) => [name, []]));
  for (const [index, clean] of images.entries()) {
    const { image } = await latino.degrade(clean, { operator, sigma: SIGMA, seed: facts[index].seed });
    const scores = { vague: [], ...Object.fromEntries(Object.keys(gains).map((name) => [name, []])) };
    for (let k = 1; k <= Number(values.seeds); k++) {
      const options = { operator, sigma: SIGMA, seed: k * images.length + index };
      const score = async (more) => psnr((await latino.restore(image, { ...options, ...more })).image, clean);
      scores.vague.push(await score({ prompt: VAGUE }));
      scores.right.push(await score({ prompt: promptOf(facts[index]) }));
      for (const preset of presets) scores[preset].push(await score({ prompt: VAGUE, calibrate: preset }));
    }
    vague.push(scores.vague);
    for (const name of Object.keys(gains)) gains[name].push(scores[name].map((x, i) => x - scores.vague[i]));
  }
  report.tasks[task] = {
    vague: summary(vague),
    gain: Object.fromEntries(Object.entries(gains).map(([name, all]) => [name, summary(all)])),
  };
  console.log(task, JSON.stringify(report.tasks[task]));
  save();
}

// A wrong prompt, the facts of the next picture: how near is its restoration to the one with the right prompt, before and after?
const operator = TASKS['sr:8'];
const near = { before: [], after: [] };
for (const [index, clean] of images.entries()) {
  const { image } = await latino.degrade(clean, { operator, sigma: SIGMA, seed: facts[index].seed });
  const options = { operator, sigma: SIGMA, seed: index };
  const right = (await latino.restore(image, { ...options, prompt: promptOf(facts[index]) })).image;
  const wrong = promptOf(facts[(index + 1) % facts.length]);
  const distance = async (more) => psnr((await latino.restore(image, { ...options, prompt: wrong, ...more })).image, right);
  near.before.push([await distance({})]);
  near.after.push([await distance({ calibrate: presets[0] })]);
}
const change = near.after.map(([after], i) => [after - near.before[i][0]]);
report.wrongPrompt = { task: 'sr:8', before: summary(near.before), after: summary(near.after), change: summary(change) };
console.log('wrong prompt', JSON.stringify(report.wrongPrompt));
save();
await latino.dispose();
