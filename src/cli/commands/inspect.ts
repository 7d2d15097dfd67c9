import { type Command, InvalidArgumentError } from 'commander';
import type { InspectOptions, Prediction } from '../../index.js';
import { type Io, printLine } from '../io.js';
import { addPartOptions, MODELS, type PartFlags, partsOf } from '../options.js';

interface Flags extends PartFlags {
  json?: boolean;
  size?: InspectOptions['size'];
}

export function addInspect(program: Command, io: Io): void {
  addPartOptions(
    program
      .command('inspect')
      .description('Show what a model consists of, and whether it can be used.')
      .argument('[model]', MODELS, 'photos'),
  )
    .option(
      '--size <width>x<height>',
      'also predict what restoring a picture of this size takes here, from a short measurement',
      pictureSize,
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  latino-native inspect ~/models/lcm-dreamshaper --size 512x512')
    .action((model: string, flags: Flags) => inspect(io, model, flags));
}

async function inspect({ out }: Io, model: string, { json, size, ...parts }: Flags): Promise<void> {
  const { byteSize, inspectModel } = await import('../../index.js');
  const description = await inspectModel(model, { ...partsOf(parts), size });
  if (json) {
    printLine(out, JSON.stringify(description));
    return;
  }
  if (description.layout === 'single-file') printLine(out, `${description.path}: all in one file`);
  for (const { name, className, dtypes, parameters, bytes } of description.components) {
    const millions = (parameters / 1e6).toFixed(2).padStart(9);
    const dtype = (dtypes.join(', ') || '-').padEnd(8);
    printLine(out, `${name.padEnd(16)} ${className.padEnd(24)} ${millions} M parameters  ${dtype} ${(bytes / 2 ** 20).toFixed(1)} MiB`);
  }
  const { use, problem, prediction } = description;
  if (use) {
    const guidance = use.guidance === undefined ? '' : `, guidance ${use.guidance}`;
    printLine(out, `${use.family}: images of ${use.nativeSize} × ${use.nativeSize}, prompts of ${use.tokens} tokens${guidance}`);
    if (use.lcmLora) printLine(out, `no latent consistency model, as its files say: add an LCM-LoRA such as --lora ${use.lcmLora}`);
  } else printLine(out, `cannot be used: ${problem}`);
  const parameters = description.components.reduce((sum, part) => sum + (part.used ? part.parameters : 0), 0);
  printLine(out, `weights on a GPU (float16): ${byteSize(2 * parameters)}`);
  if (prediction) printLine(out, predicted(prediction, byteSize(prediction.memory)));
}

/** `512x512`. */
function pictureSize(text: string): InspectOptions['size'] {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (width === undefined) throw new InvalidArgumentError('Expected two numbers such as 512x512.');
  return { width: Number(width), height: Number(height) };
}

function predicted({ width, height, windows, secondsPerStep }: Prediction, memory: string): string {
  const parts = windows > 1 ? `, in ${windows} windows` : '';
  return `a picture of ${width} × ${height}${parts}: about ${duration(secondsPerStep)} a step on this CPU, ${memory} of memory (estimates)`;
}

function duration(seconds: number): string {
  if (seconds >= 120) return `${Math.round(seconds / 60)} min`;
  return `${Number(seconds.toPrecision(2))} s`;
}
