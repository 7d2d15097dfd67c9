// What a blur's border costs where a photograph goes on beyond it, as a camera's does:
//   node bench/borders.mjs FOLDER [--pictures 3] [--out bench/results/borders.json]
// FOLDER holds clean photographs of 512 and more. Each is blurred whole, and its middle is cut out, stored as PNG, and restored.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { degrade, gaussianBlur, Latino, psnr, readImage } from '../dist/index.js';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { pictures: { type: 'string', default: '3' }, out: { type: 'string' } },
});
const SIDE = 192;
const BOUNDARIES = ['circular', 'reflect', 'replicate', 'zero'];
const blur = (boundary) => gaussianBlur({ sigma: 3, boundary });

async function middleOf(picture) {
  const { width, height } = await sharp(picture).metadata();
  return sharp(picture)
    .extract({ left: (width - SIDE) >> 1, top: (height - SIDE) >> 1, width: SIDE, height: SIDE })
    .png()
    .toBuffer();
}

const [folder] = positionals;
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.png'))
  .sort()
  .slice(0, Number(values.pictures));
const latino = await Latino.load({ model: 'photos', device: 'cpu' });
const rows = [];
for (const [seed, name] of names.entries()) {
  const path = join(folder, name);
  const clean = await readImage(await middleOf(path));
  const blurred = await degrade(path, { operator: blur('reflect'), sigma: 0.005, seed });
  const measured = await middleOf(await blurred.toBuffer('png'));
  const row = { name, measured: await psnr(await readImage(measured), clean) };
  for (const boundary of BOUNDARIES) {
    const { image } = await latino.restore(measured, { operator: blur(boundary), sigma: 'auto', seed: 1, onWarning: () => undefined });
    row[boundary] = await psnr(image, clean);
  }
  rows.push(row);
  console.log(JSON.stringify(row));
}
await latino.dispose();
if (values.out) writeFileSync(values.out, `${JSON.stringify({ side: SIDE, rows }, null, 1)}\n`);
