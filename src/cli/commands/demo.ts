import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { embeddedModelFolder } from '../../checkpoint/embedded_models.js';
import { type Image, psnr, readImage, ssim, upscale, writeContactSheet } from '../../image/index.js';
import { Latino } from '../../latino.js';
import { operatorFrom } from '../options.js';

const TASKS: readonly (readonly [spec: string, sigma: number])[] = [
  ['sr:4', 0.01],
  ['sr:8', 0.01],
  ['sr:16', 0.01],
  ['deblur:gaussian:3', 0.01],
  ['deblur:motion:25:30', 0.01],
  ['inpaint:box:40:36:48:56', 0.01],
  ['denoise', 0.1],
  ['colorize', 0.01],
];
const PORTRAITS = ['00', '03', '07', '09'];
const PROMPT = 'a portrait of a person';

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const asColour = (image: Image): Image =>
  image.channels === 3
    ? image
    : { ...image, channels: 3, data: Float32Array.from({ length: 3 * image.data.length }, (_, i) => image.data[i % image.data.length]!) };

export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description('Degrade and restore the bundled portraits on several tasks; print a table and write a contact sheet.')
    .option('-o, --output <folder>', 'where the contact sheet goes', 'latino-demo')
    .option('--json', 'print JSON')
    .action(async (flags: { output: string; json?: boolean }) => {
      await mkdir(flags.output, { recursive: true });
      await using latino = await Latino.load();
      const rows: { label: string; images: Image[] }[] = [];
      const table: {
        task: string;
        sigma: number;
        measured: { psnr: number; ssim: number };
        restored: { psnr: number; ssim: number };
        seconds: number;
      }[] = [];
      if (!flags.json) console.log('task                       sigma   measurement PSNR  SSIM    restored PSNR  SSIM    seconds');
      for (const [spec, sigma] of TASKS) {
        const operator = await operatorFrom(spec);
        const scores: { before: number[]; after: number[] } = { before: [], after: [] };
        const ssims: { before: number[]; after: number[] } = { before: [], after: [] };
        let seconds = 0;
        for (const [index, name] of PORTRAITS.entries()) {
          const clean = await readImage(join(embeddedModelFolder(), 'samples', `${name}.png`), { channels: 3 });
          const measurement = (await latino.degrade(clean, { operator, sigma, seed: 5 + index })).image;
          const begun = performance.now();
          const restored = (await latino.restore(measurement, { operator, sigma, prompt: PROMPT, seed: 1 })).image;
          seconds += (performance.now() - begun) / 1000;
          const shown = await upscale(asColour(measurement), clean);
          scores.before.push(psnr(shown, clean));
          scores.after.push(psnr(restored, clean));
          ssims.before.push(ssim(shown, clean));
          ssims.after.push(ssim(restored, clean));
          if (index < 2) rows.push({ label: spec, images: [clean, shown, restored] });
        }
        const row = {
          task: spec,
          sigma,
          measured: { psnr: mean(scores.before), ssim: mean(ssims.before) },
          restored: { psnr: mean(scores.after), ssim: mean(ssims.after) },
          seconds: seconds / PORTRAITS.length,
        };
        table.push(row);
        if (!flags.json) {
          const cells = [
            row.measured.psnr.toFixed(2).padStart(21),
            row.measured.ssim.toFixed(3).padStart(6),
            row.restored.psnr.toFixed(2).padStart(15),
            row.restored.ssim.toFixed(3).padStart(6),
          ];
          console.log(`${spec.padEnd(26)} ${sigma.toFixed(2)} ${cells.join(' ')} ${row.seconds.toFixed(2).padStart(9)}`);
        }
      }
      const sheet = join(flags.output, 'contact-sheet.png');
      await writeContactSheet(sheet, { columns: ['clean', 'degraded', 'restored'], rows });
      console.log(flags.json ? JSON.stringify({ table, sheet }) : `\n${sheet}: clean, degraded, restored`);
    });
}
