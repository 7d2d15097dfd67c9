// PSNR of restored samples beside models/portraits-lcm/training/reference.json: node bench/quality.mjs [--seeds 3] [--json]
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { convolution, denoising, gaussianBlur, inpainting, Latino, psnr, readImage, superResolution } from '../dist/index.js';

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } } });
const folder = fileURLToPath(new URL('../models/portraits-lcm/', import.meta.url));
const reference = JSON.parse(readFileSync(`${folder}training/reference.json`, 'utf8'));
const kernel = JSON.parse(readFileSync(new URL('motion-kernel.json', import.meta.url), 'utf8'));
const operators = {
  sr4: superResolution({ factor: 4 }),
  sr8: superResolution({ factor: 8 }),
  sr16: superResolution({ factor: 16 }),
  gaussian3: gaussianBlur({ sigma: 3 }),
  gaussian6: gaussianBlur({ sigma: 6 }),
  motion: convolution({ kernel: { ...kernel, taps: Float64Array.from(kernel.taps) } }),
  inpaint: inpainting({ box: [40, 36, 48, 56] }),
  denoise: denoising(),
};

const latino = await Latino.load({ device: 'cpu' });
const samples = await Promise.all(
  Array.from({ length: 16 }, (_, i) => readImage(`${folder}samples/${String(i).padStart(2, '0')}.png`, { channels: 3 })),
);
const rows = [];
for (const { name, sigma, psnr: expected } of reference.tasks) {
  const scores = [];
  for (const [index, clean] of samples.entries()) {
    const { image } = await latino.degrade(clean, { operator: operators[name], sigma, seed: 5 + index });
    for (let seed = 1; seed <= Number(values.seeds); seed++) {
      const restored = await latino.restore(image, { operator: operators[name], sigma, prompt: reference.prompt, seed });
      scores.push(psnr(restored.image, clean));
    }
  }
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  rows.push({ name, sigma, psnr: mean, reference: expected, difference: mean - expected });
  if (!values.json) console.log(`${name.padEnd(10)} ${sigma}  ${mean.toFixed(2)} dB  reference ${expected.toFixed(2)}  ${(mean - expected).toFixed(2)}`);
}
if (values.json) console.log(JSON.stringify(rows));
await latino.dispose();
