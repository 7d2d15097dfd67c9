// Draws docs/images/damages.jpg and opening.jpg: what each operator does to a photograph, and what comes back. `node scripts/draw-damages.mjs`, after `make`.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedModelFolder, Latino, parseOperator, readImage, upscale, writeContactSheet, writeImage } from 'latino-native';
import sharp from 'sharp';

const DAMAGES = [
  ['sr:4', 0.01],
  ['deblur:gaussian:3', 0.01],
  ['deblur:motion:25:30', 0.01],
  ['inpaint:box:150:60:24:24', 0.01],
  ['denoise', 0.1],
];
const OPENING = ['deblur:gaussian:3', 0.01];

const images = new URL('../docs/images/', import.meta.url).pathname;
const sample = (name) => readImage(join(embeddedModelFolder('photos'), 'samples', `${name}.png`), { channels: 3 });
const folder = await mkdtemp(join(tmpdir(), 'latino-damages-'));
const latino = await Latino.load();

/** The damaged photograph, as large as it was, and the restored one. */
async function shown(clean, [task, sigma]) {
  const operator = await parseOperator(task);
  const { image } = await latino.degrade(clean, { operator, sigma, seed: 5 });
  const restored = await latino.restore(image, { operator, sigma, seed: 1 });
  return [await upscale(await readImage(image, { channels: 3 }), clean), restored.image];
}

const save = (image, name) => image.jpeg({ quality: 88, mozjpeg: true }).toFile(join(images, `${name}.jpg`));

const clean = await sample('chelsea');
const pairs = [];
for (const damage of DAMAGES) pairs.push(await shown(clean, damage));
const rows = ['damaged', 'restored'].map((label, k) => ({ label, images: pairs.map((pair) => pair[k]) }));
const sheet = join(folder, 'damages.png');
await writeContactSheet(sheet, { columns: DAMAGES.map(([task]) => task), rows });
await save(sharp(sheet), 'damages');
const opening = await shown(await sample('astronaut'), OPENING);
const files = await Promise.all(
  opening.map(async (image, k) => {
    const path = join(folder, `${k}.png`);
    await writeImage(path, image);
    return path;
  }),
);
await save(sharp(files, { join: { across: 2, shim: 8, background: 'white' } }).resize({ width: 1040, kernel: 'nearest' }), 'opening');
await latino.dispose();
await rm(folder, { recursive: true });
