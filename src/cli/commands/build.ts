import type { Command } from 'commander';
import { type Io, printLine } from '../io.js';

export function addBuild(program: Command, io: Io): void {
  program
    .command('build')
    .description('Compile the native addon from the sources in this package, for a platform that has no package with one.')
    .option('--cuda', 'that for GPUs too, which needs CUDA 13')
    .action((flags: { cuda?: boolean }) => build(io, flags));
}

async function build({ out }: Io, { cuda }: { cuda?: boolean }): Promise<void> {
  const { buildAddon } = await import('../../index.js');
  printLine(out, await buildAddon({ cuda, onOutput: (line) => printLine(out, line) }));
}
