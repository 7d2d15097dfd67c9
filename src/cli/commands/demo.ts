import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Image, Latino } from '../../index.js';
import { type Io, printLine } from '../io.js';
import { mean } from '../mean.js';

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
/** Of these portraits, so many are on the contact sheet. */
const SHOWN = 2;
const PROMPT = 'a portrait of a person';

interface Quality {
  readonly psnr: number;
  readonly ssim: number;
}

/** A portrait, what became of it, and how well. */
interface Restored {
  readonly images: readonly [clean: Image, degraded: Image, restored: Image];
  readonly measured: Quality;
  readonly restored: Quality;
  readonly seconds: number;
}

export function addDemo(program: Command, io: Io): void {
  program
    .command('demo')
    .description('Degrade and restore the bundled portraits on several tasks; print a table and write a contact sheet.')
    .option('-o, --output <folder>', 'where the contact sheet goes', 'latino-demo')
    .option('--json', 'print JSON')
    .action((flags: { output: string; json?: boolean }) => demo(io, flags));
}

async function demo(io: Io, { output, json }: { output: string; json?: boolean }): Promise<void> {
  const { Latino, writeContactSheet } = await import('../../index.js');
  await mkdir(output, { recursive: true });
  const signal = io.interruption();
  await using latino = await Latino.load({ signal });
  const rows: { label: string; images: Image[] }[] = [];
  const table: object[] = [];
  if (!json) printLine(io.out, 'task                       sigma   measurement PSNR  SSIM    restored PSNR  SSIM    seconds');
  for (const [task, sigma] of TASKS) {
    const runs: Restored[] = [];
    for (const [index, name] of PORTRAITS.entries())
      runs.push(await restorePortrait(latino, name, { task, sigma, seed: 5 + index, signal }));
    rows.push(...runs.slice(0, SHOWN).map(({ images }) => ({ label: task, images: [...images] })));
    const quality = (of: 'measured' | 'restored'): Quality => ({
      psnr: mean(runs.map((each) => each[of].psnr)),
      ssim: mean(runs.map((each) => each[of].ssim)),
    });
    const row = { task, sigma, measured: quality('measured'), restored: quality('restored'), seconds: mean(runs.map((r) => r.seconds)) };
    table.push(row);
    if (!json) printLine(io.out, line(row));
  }
  const sheet = join(output, 'contact-sheet.png');
  await writeContactSheet(sheet, { columns: ['clean', 'degraded', 'restored'], rows });
  printLine(io.out, json ? JSON.stringify({ table, sheet }) : `\n${sheet}: clean, degraded, restored`);
}

interface Setting {
  readonly task: string;
  readonly sigma: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

async function restorePortrait(latino: Latino, name: string, { task, sigma, seed, signal }: Setting): Promise<Restored> {
  const { embeddedModelFolder, parseOperator, psnr, readImage, ssim, upscale } = await import('../../index.js');
  const operator = await parseOperator(task);
  const clean = await readImage(join(embeddedModelFolder(), 'samples', `${name}.png`), { channels: 3 });
  const measurement = (await latino.degrade(clean, { operator, sigma, seed, signal })).image;
  const begun = performance.now();
  const restored = (await latino.restore(measurement, { operator, sigma, prompt: PROMPT, seed: 1, signal })).image;
  const seconds = (performance.now() - begun) / 1000;
  const degraded = await upscale(await readImage(measurement, { channels: 3 }), clean);
  const quality = async (image: Image): Promise<Quality> => ({ psnr: await psnr(image, clean), ssim: await ssim(image, clean) });
  return { images: [clean, degraded, restored], measured: await quality(degraded), restored: await quality(restored), seconds };
}

function line({ task, sigma, measured, restored, seconds }: Pick<Setting, 'task' | 'sigma'> & Omit<Restored, 'images'>): string {
  const cells = [
    measured.psnr.toFixed(2).padStart(21),
    measured.ssim.toFixed(3).padStart(6),
    restored.psnr.toFixed(2).padStart(15),
    restored.ssim.toFixed(3).padStart(6),
    seconds.toFixed(2).padStart(9),
  ];
  return `${task.padEnd(26)} ${sigma.toFixed(2)} ${cells.join(' ')}`;
}
