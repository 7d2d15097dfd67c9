import type { Command } from 'commander';
import { degrade } from '../../degrade.js';
import { assertWritable } from '../../image/index.js';
import { number, OPERATORS_HELP, operatorFrom } from '../options.js';

interface Flags {
  task: string;
  sigma: number;
  output: string;
  seed: number;
  bitDepth: number;
  json?: boolean;
}

export function registerDegrade(program: Command): void {
  program
    .command('degrade')
    .description('Make a measurement of an image: apply an operator and add noise.')
    .argument('<input>', 'a clean image')
    .requiredOption('--task <operator>', 'what to do to it, for example sr:8')
    .requiredOption('--sigma <s>', 'noise level on a [0, 1] image; 0 for none', number)
    .requiredOption('-o, --output <file>', 'PNG, JPEG, WebP or TIFF')
    .option('--seed <n>', 'seed of the noise', number, 0)
    .option('--bit-depth <bits>', '8 or 16', number, 8)
    .option('--json', 'print one line of JSON')
    .addHelpText('after', `${OPERATORS_HELP}\n\nExample:\n  latino-native degrade photo.png --task sr:8 --sigma 0.01 -o small.png`)
    .action(async (input: string, flags: Flags) => {
      await assertWritable(flags.output, { bitDepth: flags.bitDepth as 8 | 16 });
      const operator = await operatorFrom(flags.task);
      const y = await degrade(input, { operator, sigma: flags.sigma, seed: flags.seed });
      await y.toFile(flags.output, { bitDepth: flags.bitDepth as 8 | 16 });
      const { width, height } = y;
      console.log(flags.json ? JSON.stringify({ input, output: flags.output, width, height }) : `${flags.output}: ${width} × ${height}`);
    });
}
