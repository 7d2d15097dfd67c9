import type { Command } from 'commander';
import { type Io, printLine } from '../io.js';
import { addTaskOption, number } from '../options.js';

interface Flags {
  task: string;
  sigma: number;
  output: string;
  seed: number;
  bitDepth: 8 | 16;
  json?: boolean;
}

export function addDegrade(program: Command, io: Io, operatorsHelp: string): void {
  const command = program
    .command('degrade')
    .description('Make a measurement of an image: apply an operator and add noise, or none where --sigma is 0.')
    .argument('<input>', 'a clean image');
  addTaskOption(command, 'what to do to it')
    .requiredOption('--sigma <s>', 'noise level on a [0, 1] image', number)
    .requiredOption('-o, --output <file>', 'PNG, JPEG, WebP or TIFF')
    .option('--seed <n>', 'seed of the noise', number, 0)
    .option('--bit-depth <bits>', '8 or 16', number, 8)
    .option('--json', 'print one line of JSON')
    .addHelpText('after', `\n${operatorsHelp}\n\nExample:\n  latino-native degrade photo.png --task sr:8 --sigma 0.01 -o small.png`)
    .action((input: string, flags: Flags) => makeMeasurement(io, input, flags));
}

async function makeMeasurement(io: Io, input: string, { task, sigma, output, seed, bitDepth, json }: Flags): Promise<void> {
  const { assertWritable, degrade, parseOperator } = await import('../../index.js');
  await assertWritable(output, { bitDepth });
  const operator = await parseOperator(task);
  const y = await degrade(input, { operator, sigma, seed, signal: io.interruption() });
  await y.toFile(output, { bitDepth });
  const { width, height } = y;
  printLine(io.out, json ? JSON.stringify({ input, output, width, height }) : `${output}: ${width} × ${height}`);
}
