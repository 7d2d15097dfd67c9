import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addBatch } from './commands/batch.js';
import { addBuild } from './commands/build.js';
import { addCalibrate } from './commands/calibrate.js';
import { addDegrade } from './commands/degrade.js';
import { addDemo } from './commands/demo.js';
import { addDoctor } from './commands/doctor.js';
import { addEval } from './commands/eval.js';
import { addInspect } from './commands/inspect.js';
import { addModels } from './commands/models.js';
import { addPull } from './commands/pull.js';
import { addReport } from './commands/report.js';
import { addRestore } from './commands/restore.js';
import { addServe } from './commands/serve.js';
import { addWorker } from './commands/worker.js';
import { reportFailure } from './failure.js';
import type { Io } from './io.js';

// Commands import the library when they run: a person who asks for help does not wait for it.

const NOTES = `
A terminal shows a progress bar. Elsewhere plain lines say what was written (JSON with --json). Standard error is for failures and warnings, a
line each; with --json warnings are in the array "warnings" instead.
Exit status: 0 done, 2 bad input, 3 some images of a batch failed, 1 any other failure, 130 interrupted (Ctrl-C), 143 terminated; a second signal
ends it at once.`;

/** Runs a command line (without the program's name) and gives the exit status. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  try {
    await program(io, await operatorsHelp(argv)).parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    return reportFailure(error, io, argv.includes('--json'));
  }
}

/** All commands; `operators` is what the help of those that take a task says of them. */
export function program(io: Io, operators: string): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  const root = new Command('latino-native')
    .description('Restores degraded photographs by Bayesian inference with latent consistency models (LATINO).')
    .version(version)
    .addHelpText('after', NOTES)
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => io.err.write(text),
      outputError: () => undefined, // reported as every other failure is
    })
    .exitOverride();
  addRestore(root, io, operators);
  addBatch(root, io, operators);
  addCalibrate(root, io, operators);
  addDegrade(root, io, operators);
  addServe(root, io);
  addWorker(root, io);
  addReport(root, io);
  addEval(root, io);
  addPull(root, io);
  addModels(root, io);
  addInspect(root, io);
  addDoctor(root, io);
  addBuild(root, io);
  addDemo(root, io);
  return root;
}

/** What help says of operators, where it is asked for: commander prints help without waiting for anything. */
async function operatorsHelp(argv: readonly string[]): Promise<string> {
  const help = argv.some((argument) => argument === '--help' || argument === '-h' || argument === 'help');
  const ofOperators = argv.some((argument) => ['restore', 'batch', 'calibrate', 'degrade'].includes(argument));
  return help && ofOperators ? (await import('../index.js')).operatorsHelp() : '';
}
