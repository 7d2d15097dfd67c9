import { type Command, InvalidArgumentError } from 'commander';
import type { LoraOptions } from '../checkpoint/lora.js';
import { readImage } from '../image/index.js';
import { type Operator, parseOperator } from '../operators/index.js';
import type { LoadOptions } from '../options.js';
import type { StepRule } from '../solver/step_rules.js';

export const OPERATORS_HELP = `
Operators (--task):
  sr:8                          super-resolution; ,filter=bicubic|bilinear|gaussian|box|lanczos ,phase=centre|reference
  deblur:gaussian:3             Gaussian blur, sigma in pixels; ,boundary=circular|reflect|replicate|zero
  deblur:motion:25:30           motion blur, length in pixels and angle in degrees
  deblur:kernel:k.png           any kernel, from a grey image
  inpaint:mask.png              white where pixels are missing; or inpaint:box:<top>:<left>:<height>:<width>
  denoise, colorize`;

export function number(value: string): number {
  const parsed = Number(value);
  if (value.trim() === '' || Number.isNaN(parsed)) throw new InvalidArgumentError('Expected a number.');
  return parsed;
}

export function stepRule(value: string): StepRule {
  return value === 'auto' || value === 'official' || value === 'discrepancy' ? value : number(value);
}

/** Which model is used, and how: the flags of every command that loads one. */
export interface ModelFlags {
  model: string;
  vae?: string;
  lora?: LoraOptions[];
  guidance?: number;
  device: LoadOptions['device'];
}

export const addModelOptions = (command: Command): Command =>
  command
    .option('--model <folder>', 'a diffusers folder, or portraits', 'portraits')
    .option('--vae <folder>', "an autoencoder in place of the model's own, such as TAESD")
    .option('--lora <file[:strength]>', 'a LoRA to add to the weights, such as LCM-LoRA; may be given several times', lora)
    .option('--guidance <scale>', 'of a model with a guidance embedding: 1 or more, 8.5 unless told otherwise', number)
    .option('--device <name>', 'auto, cpu or cuda:0', 'auto');

export const loadOptions = ({ model, vae, lora: loras, guidance, device }: ModelFlags): LoadOptions => ({
  model,
  vae,
  loras,
  guidance,
  device,
});

/** What the flags say of a measurement. */
export const measurementOptions = ({ sigma, prompt, seed, stepRule: rule, start }: MeasurementFlags) => ({
  sigma,
  prompt,
  seed,
  stepRule: rule,
  start,
});

export interface MeasurementFlags {
  sigma: number;
  prompt?: string;
  seed: number;
  stepRule: StepRule;
  start?: 'regularised' | 'official';
}

/** Adds `file` or `file:0.7` to what came before. */
export function lora(value: string, previous: readonly LoraOptions[] = []): LoraOptions[] {
  const [, path, strength] = /^(.+?)(?::([-+.\deE]+))?$/.exec(value) ?? [];
  if (path === undefined) throw new InvalidArgumentError('Expected a file.');
  return [...previous, strength === undefined ? { path } : { path, strength: number(strength) }];
}

/** An operator from its spelling on the command line; files it names are read. */
export function operatorFrom(spec: string): Promise<Operator> {
  return parseOperator(spec, async (path) => {
    const { width, height, channels, data } = await readImage(path, { channels: 1 });
    return { width, height, channels, data: data.map((value) => (value + 1) / 2) };
  });
}

/** A signal that Ctrl-C aborts; a second Ctrl-C ends the process at once. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  return controller.signal;
}
