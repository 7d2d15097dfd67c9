import { type Command, InvalidArgumentError } from 'commander';
import type { LoadOptions, MeasurementOptions, StepRule } from '../index.js';

/** A number where the text is one. What is none goes on as it is: the library refuses it in a sentence that says what it takes. */
export const number = (text: string): number => (text.trim() === '' || Number.isNaN(Number(text)) ? (text as never) : Number(text));

const stepRule = (text: string): StepRule => number(text);
const sigma = (text: string): number | 'auto' => number(text);

/** What of a model is taken from where. */
export interface PartFlags {
  unet?: string;
  vae?: string;
  autoencoder?: string;
  textEncoder?: string;
  textEncoder2?: string;
  lora?: LoraFlag[];
  guidance?: number;
}

/** Which model is used, and how: the flags of every command that loads one. */
export interface ModelFlags extends PartFlags {
  model: string;
  memory: LoadOptions['memory'];
  device: LoadOptions['device'];
  precision?: LoadOptions['precision'];
}

interface LoraFlag {
  path: string;
  strength?: number;
}

export const MODELS =
  "a diffusers folder, a checkpoint in a single .safetensors file, the name of a model in Hugging Face's cache, photos or portraits";

export const addModelOptions = (command: Command): Command =>
  addPartOptions(command.option('--model <path>', MODELS, 'photos'))
    .option('--memory <use>', 'low, balanced or fast: what the autoencoder may take for a large picture', 'balanced')
    .option('--device <name>', 'auto, cpu or cuda:0', 'auto')
    .option('--precision <kind>', 'of UNet and text encoders: float32, or on a GPU float16, which rounds more');

export const addPartOptions = (command: Command): Command =>
  command
    .option(
      '--unet <path>',
      "a UNet in place of the model's own, such as DMD2: a folder, or a .safetensors file with one that is built alike, by itself or in a checkpoint",
    )
    .option('--vae <path>', 'an autoencoder, likewise, such as TAESD')
    .option('--autoencoder <path>', 'an autoencoder for the steps before the last alone, such as TAESD: they take less time')
    .option('--text-encoder <path>', 'a text encoder, likewise')
    .option('--text-encoder2 <path>', 'the second text encoder of SDXL, likewise')
    .option('--lora <file[:strength]>', 'a LoRA to add to the weights, such as LCM-LoRA; may be given several times', addLora)
    .option('--guidance <scale>', 'of a model with a guidance embedding: 1 or more, 8.5 unless told otherwise', number);

/** Adds `file` or `file:0.7` to what came before. */
function addLora(value: string, previous: readonly LoraFlag[] = []): LoraFlag[] {
  const [, path, strength] = /^(.+?)(?::([-+.\deE]+))?$/.exec(value) ?? [];
  if (path === undefined) throw new InvalidArgumentError('Expected a file.');
  return [...previous, strength === undefined ? { path } : { path, strength: number(strength) }];
}

export const partsOf = ({ unet, vae, autoencoder, textEncoder, textEncoder2, lora: loras, guidance }: PartFlags) =>
  ({ unet, vae, autoencoder, textEncoder, textEncoder2, loras, guidance }) satisfies LoadOptions;

export const loadOptions = ({ model, memory, device, precision, ...parts }: ModelFlags): LoadOptions => ({
  ...{ model, memory, device, precision },
  ...partsOf(parts),
});

/** What is known of a measurement: the flags of every command that restores. */
export interface MeasurementFlags {
  task: string;
  sigma: number | 'auto';
  prompt?: string;
  embedding?: string;
  seed: number;
  stepRule: StepRule;
  start: MeasurementOptions['start'];
}

export const addTaskOption = (command: Command, damage: string): Command =>
  command.requiredOption('--task <operator>', `${damage}, for example sr:8`);

export const addSigmaOption = (command: Command): Command =>
  command.option('--sigma <s>', 'noise level on a [0, 1] image; auto estimates it', sigma, 'auto');

export const addSolverOptions = (command: Command): Command =>
  command
    .option('--seed <n>', 'non-negative integer', number, 0)
    .option('--step-rule <rule>', 'auto, official, discrepancy or a number', stepRule, 'auto')
    .option('--start <kind>', 'regularised or official', 'regularised');

export const addStepsOption = (command: Command): Command =>
  command.option(
    '--steps <n>',
    '1 to 50; by default 8, with the model photos 32 to fill holes and 12 against noise of 0.05 and more',
    number,
  );

/** Which files are read, and what of them: the flags of commands that restore files. */
export interface ReadingFlags {
  keepMetadata?: boolean;
  maxPixels?: number;
  formats?: MeasurementOptions['formats'];
}

export const addReadingOptions = (command: Command): Command =>
  command
    .option('--keep-metadata', "write the measurement's ICC profile and EXIF with the result, in the colours of that profile")
    .option('--max-pixels <n>', 'refuse images with more pixels before they are decoded; 100 million unless told', number)
    .option(
      '--formats <names>',
      'which formats are read, as sharp calls them; png,jpeg,webp,tiff,heif unless told, where heif is AVIF too',
      words,
    );

const words = (text: string): MeasurementOptions['formats'] => text.split(',') as never;

export const readingOptions = ({ keepMetadata, maxPixels, formats }: ReadingFlags): Partial<MeasurementOptions> => ({
  maxPixels,
  formats,
  metadata: keepMetadata ? 'keep' : undefined,
});

/** The options that these flags stand for; files that they name are read. Of a batch its manifest may say what the flags do not. */
export async function measurementOptions(flags: MeasurementFlags): Promise<MeasurementOptions>;
export async function measurementOptions(flags: Partial<MeasurementFlags>): Promise<Partial<MeasurementOptions>>;
export async function measurementOptions(flags: Partial<MeasurementFlags>): Promise<Partial<MeasurementOptions>> {
  const { Embedding, parseOperator } = await import('../index.js');
  const { task, sigma, prompt, embedding: file, seed, stepRule, start } = flags;
  const operator = task === undefined ? undefined : await parseOperator(task);
  const embedding = file === undefined ? undefined : await Embedding.load(file);
  return { operator, sigma, prompt, embedding, seed, stepRule, start };
}
