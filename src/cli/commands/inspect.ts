import type { Command } from 'commander';
import { type Io, printLine } from '../io.js';

export function addInspect(program: Command, io: Io): void {
  program
    .command('inspect')
    .description('Show what a model consists of, and whether it can be used.')
    .argument(
      '[model]',
      "a diffusers folder, a checkpoint in a single .safetensors file, the name of a model in Hugging Face's cache, photos or portraits",
      'photos',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  latino-native inspect ~/models/lcm-dreamshaper')
    .action((model: string, flags: { json?: boolean }) => inspect(io, model, flags));
}

async function inspect({ out }: Io, model: string, { json }: { json?: boolean }): Promise<void> {
  const { inspectModel } = await import('../../index.js');
  const description = await inspectModel(model);
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
  const { use, problem } = description;
  if (use) {
    const guidance = use.guidance === undefined ? '' : `, guidance ${use.guidance}`;
    printLine(out, `${use.family}: images of ${use.nativeSize} × ${use.nativeSize}, prompts of ${use.tokens} tokens${guidance}`);
    if (use.lcmLora) printLine(out, `no latent consistency model, as its files say: add an LCM-LoRA such as --lora ${use.lcmLora}`);
  } else printLine(out, `cannot be used: ${problem}`);
  const parameters = description.components.reduce((sum, part) => sum + (part.used ? part.parameters : 0), 0);
  const mebibytes = (width: number): string => ((parameters * width) / 2 ** 20).toFixed(0);
  printLine(out, `memory for weights: ${mebibytes(4)} MiB on a CPU (float32), ${mebibytes(2)} MiB on a GPU (float16)`);
}
