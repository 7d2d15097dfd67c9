import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Image, Latino } from '../../index.js';
import { type Io, printLine } from '../io.js';
import { mean } from '../mean.js';

type Task = readonly [spec: string, sigma: number];

/** Samples that an embedded model has never seen, and what is done to them. */
interface Gallery {
  readonly model: string;
  readonly samples: readonly string[];
  readonly tasks: readonly Task[];
}

const GALLERIES: readonly Gallery[] = [
  {
    model: 'photos',
    samples: ['astronaut', 'chelsea', 'mountains'],
    tasks: [
      ['sr:4', 0.01],
      ['deblur:gaussian:3', 0.01],
      ['deblur:motion:25:30', 0.01],
      ['inpaint:box:120:120:16:16', 0.01],
      ['denoise', 0.1],
    ],
  },
  {
    model: 'portraits',
    samples: ['00', '03', '07', '09'],
    tasks: [
      ['sr:4', 0.01],
      ['sr:8', 0.01],
      ['sr:16', 0.01],
      ['deblur:gaussian:3', 0.01],
      ['deblur:motion:25:30', 0.01],
      ['inpaint:box:40:36:48:56', 0.01],
      ['denoise', 0.1],
      ['colorize', 0.01],
    ],
  },
];
/** Of the samples, so many are on the contact sheet. */
const SHOWN = 2;

interface Quality {
  readonly psnr: number;
  readonly ssim: number;
}

/** A sample, what became of it, and how well. */
interface Restored {
  readonly images: readonly [clean: Image, degraded: Image, restored: Image];
  readonly measured: Quality;
  readonly restored: Quality;
  readonly seconds: number;
}

export function addDemo(program: Command, io: Io): void {
  program
    .command('demo')
    .argument('[model]', 'photos or portraits; both unless told')
    .description('Degrade and restore the bundled photographs and portraits on several tasks; print tables and write contact sheets.')
    .option('-o, --output <folder>', 'where the contact sheets go', 'latino-demo')
    .option('--json', 'print JSON')
    .action((model: string | undefined, flags: { output: string; json?: boolean }) => demo(io, model, flags));
}

async function demo(io: Io, model: string | undefined, { output, json }: { output: string; json?: boolean }): Promise<void> {
  const chosen = GALLERIES.filter((gallery) => model === undefined || gallery.model === model);
  if (chosen.length === 0) {
    const { LatinoError } = await import('../../index.js');
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected photos or portraits to demonstrate but received ${model}`);
  }
  await mkdir(output, { recursive: true });
  const signal = io.interruption();
  const galleries: object[] = [];
  for (const gallery of chosen) galleries.push(await show(gallery, output, signal, (text) => !json && printLine(io.out, text)));
  if (json) printLine(io.out, JSON.stringify({ galleries }));
}

async function show(
  { model, samples, tasks }: Gallery,
  output: string,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<object> {
  const { embeddedModelFolder, Latino, writeContactSheet } = await import('../../index.js');
  await using latino = await Latino.load({ model, signal });
  const rows: { label: string; images: Image[] }[] = [];
  const table: object[] = [];
  print(`${model.padEnd(26)} sigma   measurement PSNR  SSIM    restored PSNR  SSIM    seconds`);
  for (const [task, sigma] of tasks) {
    const runs: Restored[] = [];
    for (const [index, name] of samples.entries())
      runs.push(
        await restoreSample(latino, join(embeddedModelFolder(model), 'samples', `${name}.png`), { task, sigma, seed: 5 + index, signal }),
      );
    rows.push(...runs.slice(0, SHOWN).map(({ images }) => ({ label: task, images: [...images] })));
    const quality = (of: 'measured' | 'restored'): Quality => ({
      psnr: mean(runs.map((each) => each[of].psnr)),
      ssim: mean(runs.map((each) => each[of].ssim)),
    });
    const row = { task, sigma, measured: quality('measured'), restored: quality('restored'), seconds: mean(runs.map((r) => r.seconds)) };
    table.push(row);
    print(line(row));
  }
  const sheet = join(output, `${model}.png`);
  await writeContactSheet(sheet, { columns: ['clean', 'degraded', 'restored'], rows });
  print(`${sheet}: clean, degraded, restored\n`);
  return { model, table, sheet };
}

interface Setting {
  readonly task: string;
  readonly sigma: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

async function restoreSample(latino: Latino, sample: string, { task, sigma, seed, signal }: Setting): Promise<Restored> {
  const { parseOperator, psnr, readImage, ssim, upscale } = await import('../../index.js');
  const operator = await parseOperator(task);
  const clean = await readImage(sample, { channels: 3 });
  const measurement = (await latino.degrade(clean, { operator, sigma, seed, signal })).image;
  const begun = performance.now();
  const restored = (await latino.restore(measurement, { operator, sigma, seed: 1, signal })).image;
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
