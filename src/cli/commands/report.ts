import type { Command } from 'commander';
import { type Io, printLine } from '../io.js';

export function addReport(program: Command, io: Io): void {
  program
    .command('report')
    .description("Write report.html anew from the journals in a batch's output folder.")
    .argument('<folder>', 'the output folder')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Shares of one batch each have a journal; the report is of all of them.

Example:
  latino-native report restored/`,
    )
    .action((folder: string, flags: { json?: boolean }) => report(io, folder, flags));
}

async function report({ out }: Io, folder: string, { json }: { json?: boolean }): Promise<void> {
  const { writeReport } = await import('../../index.js');
  const written = await writeReport(folder);
  printLine(out, json ? JSON.stringify(written) : `${written.path}: ${written.done} restored, ${written.failed} failed`);
}
