import type { Command } from 'commander';
import { inspectModel } from '../../inspect.js';

export function registerInspect(program: Command): void {
  program
    .command('inspect')
    .description('Show what a model folder holds.')
    .argument('[folder]', 'a diffusers folder, or portraits', 'portraits')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  latino-native inspect ~/models/lcm-dreamshaper')
    .action(async (folder: string, flags: { json?: boolean }) => {
      const description = await inspectModel(folder);
      if (flags.json) {
        console.log(JSON.stringify(description));
        return;
      }
      for (const part of description.components) {
        const dtypes = part.dtypes.join(', ') || '-';
        const millions = (part.parameters / 1e6).toFixed(2);
        console.log(
          `${part.name.padEnd(16)} ${part.className.padEnd(24)} ${millions.padStart(9)} M parameters  ${dtypes.padEnd(8)} ${(part.bytes / 2 ** 20).toFixed(1)} MiB`,
        );
      }
      const parameters = description.components.reduce((sum, part) => sum + (part.used ? part.parameters : 0), 0);
      console.log(
        `memory for weights: ${((parameters * 4) / 2 ** 20).toFixed(0)} MiB on a CPU (float32), ${((parameters * 2) / 2 ** 20).toFixed(0)} MiB on a GPU (float16)`,
      );
    });
}
