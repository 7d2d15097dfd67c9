import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { LatinoError } from '../../errors.js';
import { psnr, readImage, ssim } from '../../image/index.js';

interface Score {
  readonly file: string;
  readonly psnr: number;
  readonly ssim: number;
}

async function compare(restored: string, reference: string): Promise<Score> {
  const [a, b] = await Promise.all([readImage(restored, { channels: 3 }), readImage(reference, { channels: 3 })]);
  return { file: restored, psnr: psnr(a, b), ssim: ssim(a, b) };
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** Pairs of the same name in two folders. */
async function compareFolders(restored: string, reference: string): Promise<Score[]> {
  const names = new Set(await readdir(reference));
  const common = (await readdir(restored)).filter((name) => names.has(name) && /\.(png|jpe?g|webp|tiff?)$/i.test(name)).sort();
  if (common.length === 0)
    throw new LatinoError('ERR_LATINO_IMAGE', `Expected images of the same names in ${restored} and ${reference} but found none`);
  const scores: Score[] = [];
  for (const name of common) scores.push(await compare(join(restored, name), join(reference, name)));
  return scores;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export function registerEval(program: Command): void {
  program
    .command('eval')
    .description('PSNR and SSIM of two images, or of the images of the same names in two folders.')
    .argument('<restored>')
    .argument('<reference>')
    .option('--json', 'print {"psnr": ..., "ssim": ...}')
    .addHelpText('after', '\nExample:\n  latino-native eval restored.png photo.png --json')
    .action(async (restored: string, reference: string, flags: { json?: boolean }) => {
      const folders = await isFolder(restored);
      const scores = folders ? await compareFolders(restored, reference) : [await compare(restored, reference)];
      const total = { psnr: mean(scores.map((score) => score.psnr)), ssim: mean(scores.map((score) => score.ssim)) };
      if (flags.json) {
        // JSON has no Infinity: identical images have "psnr": null.
        console.log(JSON.stringify(folders ? { ...total, images: scores } : total));
        return;
      }
      for (const score of scores) console.log(`${score.file}  PSNR ${score.psnr.toFixed(2)} dB  SSIM ${score.ssim.toFixed(4)}`);
      if (folders) console.log(`mean of ${scores.length}  PSNR ${total.psnr.toFixed(2)} dB  SSIM ${total.ssim.toFixed(4)}`);
    });
}
