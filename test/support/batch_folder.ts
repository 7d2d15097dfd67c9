import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { portraits } from './cli.js';

/** The id of an image that a test makes up. */
export const idOf = (text: string): string => createHash('sha256').update(text).digest('hex');

export interface MadeUp {
  readonly input: string;
  readonly failed?: string;
  readonly seconds?: number;
  /** Null where the result equals its reference. */
  readonly psnr?: number | null;
  readonly warning?: string;
  /** That was estimated. */
  readonly sigma?: number;
}

const record = (sigma: number) => ({
  ...{ operator: 'sr:8', sigma, sigmaEstimated: true, prompt: '', steps: 1, timesteps: [999] },
  ...{ stepRule: 'prior', start: 'adjoint', result: 'decoded' },
});

/** An output folder of a batch as the command leaves it, without restoring anything: inputs in `in`, outputs beside the journal. */
export async function makeBatchFolder(folder: string, images: readonly MadeUp[]): Promise<void> {
  mkdirSync(join(folder, 'in'), { recursive: true });
  const portrait = await sharp(join(portraits, 'samples/03.png')).toBuffer();
  const small = await sharp(portrait).resize(16, 16).png().toBuffer();
  const lines: unknown[] = [
    {
      kind: 'run',
      version: 1,
      startedAt: '2026-01-02T03:04:05.000Z',
      model: { name: 'portraits', digest: 'abc' },
      options: { task: 'sr:8', sigma: 0.01, steps: 8, prompt: 'a <b>portrait</b>' },
    },
  ];
  for (const [k, { input, failed, seconds = 0.1, psnr, warning, sigma }] of images.entries()) {
    const output = input.replace(/\.\w+$/, '.png');
    writeFileSync(join(folder, 'in', input), failed === undefined ? small : 'no picture');
    if (failed === undefined) writeFileSync(join(folder, output), portrait);
    const size = failed === undefined ? { width: 128, height: 128 } : {};
    lines.push({
      kind: 'image',
      id: idOf(input),
      input: join(folder, 'in', input),
      output,
      status: failed === undefined ? 'done' : 'failed',
      seed: k,
      seconds,
      ...size,
      metrics: psnr === undefined ? undefined : { psnr, ssim: (psnr ?? 40) / 40 },
      error: failed === undefined ? undefined : { code: 'ERR_LATINO_IMAGE', message: failed },
      warnings: warning === undefined ? undefined : [warning],
      record: sigma === undefined ? undefined : record(sigma),
      finishedAt: new Date(1.7e12 + k).toISOString(),
    });
  }
  writeFileSync(join(folder, 'latino-batch.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}
