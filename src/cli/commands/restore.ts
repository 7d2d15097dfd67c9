import type { Command } from 'commander';
import { assertWritable } from '../../image/index.js';
import { Latino, type LoadOptions, type RestoreOptions } from '../../latino.js';
import type { StepRule } from '../../solver/step_rules.js';
import { interruptSignal, number, OPERATORS_HELP, operatorFrom, stepRule } from '../options.js';
import { stepProgress } from '../progress.js';

interface Flags {
  task: string;
  sigma: number;
  output: string;
  prompt?: string;
  model: string;
  steps: number;
  seed: number;
  device: LoadOptions['device'];
  stepRule: StepRule;
  result: RestoreOptions['result'];
  start: RestoreOptions['start'];
  bitDepth: number;
  json?: boolean;
}

export function registerRestore(program: Command): void {
  program
    .command('restore')
    .description('Restore a degraded image.')
    .argument('<input>', 'the measurement: any image file')
    .requiredOption('--task <operator>', 'what damaged it, for example sr:8')
    .requiredOption('--sigma <s>', 'noise level on a [0, 1] image', number)
    .requiredOption('-o, --output <file>', 'PNG, JPEG, WebP or TIFF')
    .option('--prompt <text>', 'what the image shows')
    .option('--model <folder>', 'a diffusers folder, or portraits', 'portraits')
    .option('--steps <n>', '1 to 50', number, 8)
    .option('--seed <n>', 'non-negative integer', number, 0)
    .option('--device <name>', 'auto, cpu or cuda:0', 'auto')
    .option('--step-rule <rule>', 'auto, official, discrepancy or a number', stepRule, 'auto')
    .option('--result <kind>', 'decoded (the paper), or proximal (keeps the data; better at low noise)', 'decoded')
    .option('--start <kind>', 'regularised or official', 'regularised')
    .option('--bit-depth <bits>', '8 or 16', number, 8)
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `${OPERATORS_HELP}\n\nExample:\n  latino-native restore small.png --task sr:8 --sigma 0.01 --prompt "a portrait of a person" -o restored.png`,
    )
    .action(async (input: string, flags: Flags) => {
      await assertWritable(flags.output, { bitDepth: flags.bitDepth as 8 | 16 });
      const operator = await operatorFrom(flags.task);
      const begun = performance.now();
      await using latino = await Latino.load({ model: flags.model, device: flags.device });
      const progress = stepProgress(input, flags.steps, flags.json === true);
      const restored = await latino
        .restore(input, { ...flags, operator, signal: interruptSignal(), onProgress: ({ step }) => progress.update(step) })
        .finally(() => progress.stop());
      await restored.toFile(flags.output, { bitDepth: flags.bitDepth as 8 | 16 });
      const seconds = (performance.now() - begun) / 1000;
      if (flags.json) {
        const { width, height } = restored;
        console.log(JSON.stringify({ input, output: flags.output, width, height, seconds, device: latino.device.name }));
      } else {
        console.log(`${flags.output}: ${restored.width} × ${restored.height}, ${seconds.toFixed(2)} s`);
      }
    });
}
