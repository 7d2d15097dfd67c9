import type { Command } from 'commander';
import { type Io, printLine } from '../io.js';

export function addDoctor(program: Command, io: Io): void {
  program
    .command('doctor')
    .description('Show versions, devices, and which ONNX Runtime is used.')
    .option('--json', 'print JSON')
    .action((flags: { json?: boolean }) => doctor(io, flags));
}

async function doctor({ out }: Io, { json }: { json?: boolean }): Promise<void> {
  const { diagnose } = await import('../../index.js');
  const report = diagnose();
  if (json) printLine(out, JSON.stringify(report));
  else for (const [name, value] of Object.entries(report)) printLine(out, `${name.padEnd(16)} ${value}`);
}
