#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { registerCalibrate } from './commands/calibrate.js';
import { registerDegrade } from './commands/degrade.js';
import { registerDemo } from './commands/demo.js';
import { registerDoctor } from './commands/doctor.js';
import { registerEval } from './commands/eval.js';
import { registerInspect } from './commands/inspect.js';
import { registerRestore } from './commands/restore.js';
import { reportFailure, usageFailure } from './failure.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
const program = new Command('latino-native')
  .description('Restores degraded photographs by Bayesian inference with latent consistency models (LATINO).')
  .version(version)
  .addHelpText(
    'after',
    `
A terminal shows a progress bar. Elsewhere plain lines say what was written (JSON with --json), and standard error is for failures only.
Exit status: 0 done, 2 bad input, 1 any other failure, 130 interrupted.`,
  )
  .configureOutput({ outputError: () => undefined }) // reported below, as every other failure is
  .exitOverride();
for (const register of [registerRestore, registerCalibrate, registerDegrade, registerEval, registerInspect, registerDoctor, registerDemo])
  register(program);

try {
  await program.parseAsync();
} catch (error) {
  const failure = error instanceof CommanderError ? usageFailure(error) : error;
  if (failure) process.exitCode = reportFailure(failure, process.argv.includes('--json'));
}
