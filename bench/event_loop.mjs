// How long JavaScript waits while the library works on a picture of 24 million pixels: node bench/event_loop.mjs [--before CHECKOUT] [--json]
// Delay of the event loop, 99th percentile and maximum, during each thing that an application does. With --before the same is measured of another
// built checkout, in turns; each measurement is a process of its own.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';

const [WIDTH, HEIGHT] = [6000, 4000];
const PIXELS = WIDTH * HEIGHT;
const size = { width: WIDTH, height: HEIGHT };
const here = fileURLToPath(new URL('..', import.meta.url));

const { values: flags } = parseArgs({
  options: {
    before: { type: 'string' },
    json: { type: 'boolean' },
    child: { type: 'string' },
    checkout: { type: 'string' },
    files: { type: 'string' },
  },
});

/** A picture, some of its values differing from another's of another seed. */
const picture = (seed, { width, height } = size, channels = 3) => {
  const data = new Float32Array(channels * width * height);
  for (let i = 0; i < data.length; i++) data[i] = (((i * 31 + (i >> 9) * seed) % 511) - 255) / 255;
  return { width, height, channels, data };
};

/** Each prepares, and gives what is to be measured. */
const works = {
  // What the machine's other work does to the event loop.
  'nothing, for a second': () => () => sleep(1000),
  'read a JPEG':
    ({ readImage }, file) =>
    () =>
      readImage(file('photo.jpg')),
  'read a 16-bit PNG, to grey':
    ({ readImage }, file) =>
    () =>
      readImage(file('photo16.png'), { channels: 1 }),
  'read pixels with alpha': ({ readImage }) => {
    const data = new Uint8Array(4 * PIXELS).fill(200);
    return () => readImage({ ...size, channels: 4, data });
  },
  'read an image, to grey': ({ readImage }) => {
    const image = picture(1);
    return () => readImage(image, { channels: 1 });
  },
  'write a JPEG': ({ Restoration }) => {
    const image = new Restoration(picture(1));
    return () => image.toBuffer('jpeg');
  },
  'write a 16-bit TIFF': ({ Restoration }, file) => {
    const image = new Restoration(picture(1));
    return () => image.toFile(file('written.tiff'), { bitDepth: 16 });
  },
  psnr: ({ psnr }) => {
    const [a, b] = [picture(1), picture(2)];
    return () => psnr(a, b);
  },
  ssim: ({ ssim }) => {
    const [a, b] = [picture(1), picture(2)];
    return () => ssim(a, b);
  },
  'upscale from 6 million pixels': ({ upscale }) => {
    const image = picture(1, { width: WIDTH / 2, height: HEIGHT / 2 });
    return () => upscale(image, size);
  },
  'degrade, denoise': ({ degrade, denoising }) => {
    const image = picture(1);
    return () => degrade(image, { operator: denoising(), sigma: 0.1 });
  },
  'degrade, a mask from a file': ({ degrade, parseOperator }, file) => {
    const image = picture(1);
    return async () => degrade(image, { operator: await parseOperator(`inpaint:${file('mask.png')}`), sigma: 0.1 });
  },
  'take the operator of a mask twice': ({ inpainting, OperatorCache, loadAddon, checkOperator }) => {
    const values = new Uint8Array(PIXELS).map((_, i) => (i % 7 === 0 ? 1 : 0));
    const addon = loadAddon();
    const cache = new OperatorCache(addon, addon.openDevice('cpu'), 2 ** 32);
    const byHand = { kind: 'inpainting', mask: { ...size, values } };
    return async () => {
      (await cache.lease(inpainting({ mask: byHand.mask }), size))[Symbol.dispose]();
      (await cache.lease(checkOperator(byHand), size))[Symbol.dispose]();
    };
  },
  'write a contact sheet': ({ writeContactSheet }, file) => {
    const sheet = { columns: ['a', 'b'], rows: [{ label: 'row', images: [picture(1), picture(2)] }] };
    return () => writeContactSheet(file('sheet.png'), sheet);
  },
};

async function measure(name, checkout, files) {
  const load = (path) => import(pathToFileURL(join(checkout, 'dist', path)).href);
  const library = { ...(await load('operators/index.js')), ...(await load('device/load.js')), ...(await load('index.js')) };
  const small = { width: 32, height: 32, channels: 3, data: new Float32Array(3 * 1024) };
  await library.degrade(small, { operator: library.denoising(), sigma: 0.1 }); // the addon is loaded by then
  const work = works[name](library, (file) => join(files, file));
  await sleep(500); // and what was prepared, collected
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await sleep(20);
  const begun = performance.now();
  await work();
  const seconds = (performance.now() - begun) / 1000;
  await sleep(20);
  delay.disable();
  return { seconds, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
}

if (flags.child) {
  console.log(JSON.stringify(await measure(flags.child, flags.checkout, flags.files)));
  process.exit(0);
}

const files = mkdtempSync(join(tmpdir(), 'latino-event-loop-'));
const noise = (channels, options) =>
  sharp({ create: { ...size, channels, background: 'black', noise: { type: 'gaussian', mean: 128, sigma: 60 } } }).toColourspace(options);
await noise(3, 'srgb').jpeg().toFile(join(files, 'photo.jpg'));
await noise(3, 'rgb16').png({ compressionLevel: 1 }).toFile(join(files, 'photo16.png'));
await noise(3, 'b-w').threshold(200).png({ compressionLevel: 1 }).toFile(join(files, 'mask.png'));

const checkouts = { ...(flags.before && { before: resolve(flags.before) }), after: here };
const rows = [];
if (!flags.json) console.log(`${'milliseconds, 24 million pixels'.padEnd(42)}     p99      max   seconds`);
for (const name of Object.keys(works)) {
  for (const [when, checkout] of Object.entries(checkouts)) {
    const args = [fileURLToPath(import.meta.url), '--child', name, '--checkout', checkout, '--files', files];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    const row = { work: name, when, ...JSON.parse(stdout) };
    rows.push(row);
    const cells = [row.p99.toFixed(1).padStart(8), row.max.toFixed(1).padStart(8), row.seconds.toFixed(2).padStart(9)];
    if (!flags.json) console.log(`${name.padEnd(34)} ${when.padEnd(7)} ${cells.join(' ')}`);
  }
}
rmSync(files, { recursive: true });
if (flags.json) console.log(JSON.stringify({ ...size, rows }));
