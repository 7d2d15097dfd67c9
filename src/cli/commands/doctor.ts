import type { Command } from 'commander';
import { diagnose } from '../../doctor.js';

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('Show versions, devices, and which ONNX Runtime is used.')
    .option('--json', 'print JSON')
    .action((flags: { json?: boolean }) => {
      const report = diagnose();
      if (flags.json) console.log(JSON.stringify(report));
      else for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(16)} ${value}`);
    });
}
