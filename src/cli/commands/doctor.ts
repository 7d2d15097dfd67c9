import type { Command } from 'commander';
import type { Finding } from '../../index.js';
import { type Io, printLine } from '../io.js';

export function addDoctor(program: Command, io: Io): void {
  program
    .command('doctor')
    .description('Look at this installation and the machine, restore a small picture, and say what to do about what fails.')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', '\nExit status: 0 only where a picture could be restored.')
    .action((flags: { json?: boolean }) => doctor(io, flags));
}

async function doctor({ out }: Io, { json }: { json?: boolean }): Promise<void> {
  const { diagnose, LatinoError } = await import('../../index.js');
  // As they come: what ends the process is then seen to be what was looked at last.
  const diagnosis = await diagnose((name, finding) => {
    if (!json) printLine(out, lineOf(name, finding));
  });
  if (json) printLine(out, JSON.stringify(diagnosis));
  if (diagnosis.canRestore) return;
  const broken = Object.entries(diagnosis.findings).flatMap(([name, { status }]) => (status === 'failed' ? name : []));
  throw new LatinoError('ERR_LATINO_ADDON', `Expected an installation that can restore a picture but ${broken.join(', ')} failed`);
}

const lineOf = (name: string, { status, found, remedy }: Finding): string =>
  `${status.padEnd(6)}  ${name.padEnd(11)}  ${found}${remedy === undefined ? '' : `; ${remedy}`}`;
