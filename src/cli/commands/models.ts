import type { Command } from 'commander';
import type { ListedModel } from '../../index.js';
import { type Io, printLine } from '../io.js';

export function addModels(program: Command, io: Io): void {
  program
    .command('models')
    .description("List the models that are here: the embedded ones and those in Hugging Face's cache.")
    .option('--json', 'print JSON')
    .addHelpText('after', '\nTo have more: latino-native pull organisation/name')
    .action((flags: { json?: boolean }) => models(io, flags));
}

async function models({ out }: Io, { json }: { json?: boolean }): Promise<void> {
  const { byteSize, listModels } = await import('../../index.js');
  const listed = await listModels();
  if (json) {
    printLine(out, JSON.stringify(listed));
    return;
  }
  const rows = listed.map((model) => [
    model.name,
    model.revision?.slice(0, 8) ?? 'embedded',
    model.family ?? '-',
    byteSize(model.bytes),
    model.memory === undefined ? '-' : `${byteSize(model.memory)}${model.fits ? '' : ', more than there is'}`,
    use(model),
  ]);
  const table = [['name', 'revision', 'family', 'on disk', 'memory', 'use'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table)
    printLine(
      out,
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
}

function use({ name, kind, problem, lcmLora, isDefault }: ListedModel): string {
  if (problem !== undefined) return `none: ${problem}`;
  if (kind === 'weights') return '--unet, --vae or --lora, with the file';
  if (kind !== 'model') return `--${kind} ${name}`;
  const wanting = lcmLora === undefined ? '' : `, with an LCM-LoRA such as ${lcmLora}`;
  return `--model ${name}${wanting}${isDefault ? ' (the default)' : ''}`;
}
