import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type Io, printLine } from '../io.js';
import { mean } from '../mean.js';

interface Score {
  readonly file: string;
  readonly psnr: number;
  readonly ssim: number;
}

export function addEval(program: Command, io: Io): void {
  program
    .command('eval')
    .description('PSNR and SSIM of two images, or of the images of the same names in two folders.')
    .argument('<restored>')
    .argument('<reference>')
    .option('--json', 'print {"psnr": ..., "ssim": ...}')
    .addHelpText('after', '\nExample:\n  latino-native eval restored.png photo.png --json')
    .action((restored: string, reference: string, flags: { json?: boolean }) => evaluate(io, restored, reference, flags));
}

async function evaluate({ out }: Io, restored: string, reference: string, { json }: { json?: boolean }): Promise<void> {
  const folders = await isFolder(restored);
  const scores = folders ? await compareFolders(restored, reference) : [await compare(restored, reference)];
  const total = { psnr: mean(scores.map((score) => score.psnr)), ssim: mean(scores.map((score) => score.ssim)) };
  if (json) {
    // JSON has no Infinity: identical images have "psnr": null.
    printLine(out, JSON.stringify(folders ? { ...total, images: scores } : total));
    return;
  }
  for (const { file, psnr, ssim } of scores) printLine(out, `${file}  PSNR ${psnr.toFixed(2)} dB  SSIM ${ssim.toFixed(4)}`);
  if (folders) printLine(out, `mean of ${scores.length}  PSNR ${total.psnr.toFixed(2)} dB  SSIM ${total.ssim.toFixed(4)}`);
}

async function compare(restored: string, reference: string): Promise<Score> {
  const { psnr, readImage, ssim } = await import('../../index.js');
  const [a, b] = await Promise.all([readImage(restored, { channels: 3 }), readImage(reference, { channels: 3 })]);
  return { file: restored, psnr: await psnr(a, b), ssim: await ssim(a, b) };
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** Pairs of the same name in two folders. */
async function compareFolders(restored: string, reference: string): Promise<Score[]> {
  const { LatinoError } = await import('../../index.js');
  if (!(await isFolder(reference)))
    throw new LatinoError('ERR_LATINO_IMAGE', `Expected a folder to compare ${restored} with but received ${reference}`);
  const names = new Set(await readdir(reference));
  const common = (await readdir(restored)).filter((name) => names.has(name) && /\.(png|jpe?g|webp|tiff?)$/i.test(name)).sort();
  if (common.length === 0)
    throw new LatinoError('ERR_LATINO_IMAGE', `Expected images of the same names in ${restored} and ${reference} but found none`);
  const scores: Score[] = [];
  for (const name of common) scores.push(await compare(join(restored, name), join(reference, name)));
  return scores;
}
