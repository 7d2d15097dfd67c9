import type { Command } from 'commander';
import type { BatchEvent, BatchOptions, BatchSummary, CalibrationPreset, RestoreOptions } from '../../index.js';
import { brief, Pace } from '../batch/pace.js';
import { type Io, printLine } from '../io.js';
import {
  addModelOptions,
  addReadingOptions,
  addSolverOptions,
  addStepsOption,
  loadOptions,
  type MeasurementFlags,
  type ModelFlags,
  measurementOptions,
  number,
  type ReadingFlags,
  readingOptions,
} from '../options.js';
import { openProgress, type Progress, showPass } from '../progress.js';

interface Flags extends ModelFlags, ReadingFlags, Omit<MeasurementFlags, 'task' | 'sigma'> {
  task?: string;
  sigma?: number;
  out: string;
  reference?: string;
  calibrate?: true | string;
  calibratePreset?: CalibrationPreset;
  calibratePasses?: number;
  steps?: number;
  result: RestoreOptions['result'];
  format?: BatchOptions['format'];
  bitDepth: 8 | 16;
  concurrency?: number;
  together?: number;
  threads?: number;
  devices?: string;
  shard?: string;
  limit?: number;
  retryFailed?: boolean;
  dryRun?: boolean;
  queue?: string;
  queueName: string;
  report: boolean;
  json?: boolean;
}

/** Images that `--calibrate` alone calibrates on. */
const SAMPLE = 4;
/** Failures that are named at the end; the journal has all. */
const NAMED = 50;

export function addBatch(program: Command, io: Io, operatorsHelp: string): void {
  const command = program
    .command('batch')
    .description('Restore many images into a folder. Stopped at any moment and started again, it does what is left.')
    .argument('<inputs...>', 'folders, quoted globs, image files, or .jsonl manifests')
    .requiredOption('-o, --out <folder>', 'where results go, with the relative paths of their inputs, and the journal')
    .option('--task <operator>', 'what damaged them, for example sr:8; a line of a manifest may name another')
    .option('--sigma <s>', 'noise level on a [0, 1] image', number)
    .option('--prompt <text>', 'what the images show')
    .option('--embedding <file>', 'a calibrated embedding, which takes the place of the prompt')
    .option('--calibrate [sample]', `calibrate one embedding on so many of them first (${SAMPLE} unless told), or "each" on every image`)
    .option('--calibrate-preset <name>', 'best (the default) or official')
    .option('--calibrate-passes <n>', '1 to 1000', number)
    .option('--reference <folder>', 'what they should have become, for PSNR and SSIM in the journal');
  addStepsOption(addModelOptions(command))
    .option('--threads <n>', 'CPU threads; every core unless told', number)
    .option('--devices <names>', 'one process for each, such as cuda:0,cuda:1')
    .option('--concurrency <n>', 'restorations under way at a time; 2 unless told', number)
    .option('--together <n>', 'images of one size that are solved together, at most; what the device is best at unless told', number);
  addReadingOptions(addSolverOptions(command))
    .option('--result <kind>', 'decoded or proximal')
    .option('--format <extension>', 'png, jpg, webp or tif; that of each input unless told')
    .option('--bit-depth <bits>', '8 or 16', number, 8)
    .option('--retry-failed', 'try again what failed before')
    .option('--limit <n>', 'restore at most so many', number)
    .option('--shard <i/n>', 'the i-th of n shares, for array jobs')
    .option('--dry-run', 'say what would be restored, and write nothing')
    .option('--queue <url>', 'have workers restore them (`worker --queue`): redis://host:port, or rediss:// for TLS')
    .option('--queue-name <name>', 'which of several queues on one Redis', 'latino-native')
    .option('--no-report', 'write no report.html; a share of a batch never does')
    .option('--json', 'print an event a line')
    .addHelpText(
      'after',
      `
${operatorsHelp}

A manifest has a line of JSON for each image: {"input": "a.png", "operator": "sr:4", "sigma": 0.02, "prompt": "...", "embedding": "c.safetensors",
"seed": 3, "output": "b.png"}; all but the input may be left out, and paths start at the manifest's folder.

Examples:
  latino-native batch small/ --task sr:8 --sigma 0.01 --prompt "a portrait of a person" --out restored/
  latino-native batch 'scans/**/*.tif' --task denoise --sigma 0.05 --calibrate 8 --out clean/
  latino-native batch list.jsonl --task sr:8 --sigma 0.01 --out restored/ --shard 3/16 --retry-failed`,
    )
    .action((inputs: string[], flags: Flags, { parent }: Command) =>
      batch(io, inputs, flags, (parent as { rawArgs?: string[] }).rawArgs ?? []),
    );
}

async function batch(io: Io, inputs: string[], flags: Flags, argv: readonly string[]): Promise<void> {
  const { LatinoError } = await import('../../index.js');
  const signal = io.interruption();
  const pace = new Pace();
  const progress = await openProgress(io, 'batch', flags.json === true || flags.dryRun === true);
  signal.addEventListener('abort', () => {
    progress.stop();
    if (io.err.isTTY && !flags.json) printLine(io.err, 'latino-native: stopping; once more ends it at once');
  });
  const onEvent = (event: BatchEvent): void => {
    pace.see(event);
    if (flags.json) printLine(io.out, JSON.stringify(event));
    else tell(io, progress, pace, event);
  };
  const run = flags.devices === undefined ? runHere : runOnEach;
  const summary = await run(inputs, flags, argv, signal, onEvent)
    .then((done) => writePage(done, flags, progress))
    .finally(() => progress.stop());
  if (flags.json) printLine(io.out, JSON.stringify({ event: 'summary', ...summary }));
  else summarise(io, summary, flags);
  if (summary.failed > 0) {
    const again = flags.retryFailed ? '' : '; --retry-failed tries them again';
    throw new LatinoError('ERR_LATINO_INCOMPLETE', `${summary.failed} of ${summary.total} images could not be restored${again}`);
  }
}

interface Ended extends BatchSummary {
  /** Path of the report, where there is one. */
  readonly report?: string;
}

type Run = (
  inputs: readonly string[],
  flags: Flags,
  argv: readonly string[],
  signal: AbortSignal,
  onEvent: (event: BatchEvent) => void,
) => Promise<BatchSummary>;

const runHere: Run = async (inputs, flags, _, signal, onEvent) => {
  const { runBatch } = await import('../../index.js');
  return runBatch(inputs, { ...(await optionsOf(flags)), signal, onEvent });
};

const runOnEach: Run = async (_, { devices, shard, limit, queue }, argv, signal, onEvent) => {
  const { LatinoError } = await import('../../index.js');
  if (queue !== undefined) throw new LatinoError('ERR_LATINO_ARGUMENT', 'Expected --queue or --devices but received both');
  const { runOnDevices } = await import('../batch/devices.js');
  const words = argv.slice(argv.indexOf('batch') + 1).filter((word, k, all) => !/^--devices(=|$)/.test(word) && all[k - 1] !== '--devices');
  const names = devices!.split(',').map((name) => name.trim());
  return runOnDevices({ words, devices: names, shard, limit, signal, onEvent });
};

async function optionsOf(flags: Flags): Promise<BatchOptions> {
  const { task, sigma, calibrate, calibratePreset: preset, calibratePasses: passes, threads, queue, queueName, embedding } = flags;
  const { out, reference, steps, result, format, bitDepth, concurrency, together, shard, limit, retryFailed, dryRun } = flags;
  const changes = { preset, passes };
  return {
    ...(await measurementOptions({ ...flags, task, sigma })),
    ...readingOptions(flags),
    ...(calibrate === 'each' ? { calibrate: changes } : {}),
    ...(calibrate === undefined || calibrate === 'each'
      ? {}
      : { calibrateOn: calibrate === true ? SAMPLE : number(calibrate), calibration: changes }),
    model: { ...loadOptions(flags), threads },
    queue: queue === undefined ? undefined : { url: queue, name: queueName, operator: task, embedding },
    ...{ out, reference, steps, result, format, bitDepth, concurrency, together, shard, limit, retryFailed, dryRun },
  };
}

function tell(io: Io, progress: Progress, pace: Pace, event: BatchEvent): void {
  if (event.event === 'planned') printLine(io.out, `${event.output}: ${event.input}`);
  else if (event.event === 'calibration') showPass(progress, event);
  else progress.show(...pace.done, pace.state);
  if (event.event !== 'image') return;
  for (const warning of event.warnings ?? []) progress.note(`latino-native: warning: ${event.input}: ${warning}`);
}

/** The report of the whole batch. Of its shares somebody asks for one when all are done. */
async function writePage(summary: BatchSummary, { out, report, shard, dryRun }: Flags, progress: Progress): Promise<Ended> {
  if (!report || shard !== undefined || dryRun) return summary;
  progress.show(summary.total, summary.total, 'writing the report');
  const { writeReport } = await import('../../index.js');
  return { ...summary, report: (await writeReport(out)).path };
}

/** The last lines: what came of it, and what failed. */
function summarise({ out, err }: Io, summary: Ended, { out: folder, dryRun }: Flags): void {
  const { report, total, restored, skipped, failed, left, seconds, failures } = summary;
  const parts = [`${restored} restored`, `${skipped} done before`, `${failed} failed`, `${left} left`].filter(
    (part) => !part.startsWith('0 '),
  );
  const pace = restored > 0 ? `, ${brief(seconds / restored)} an image` : '';
  printLine(
    out,
    dryRun
      ? `${left} of ${total} images would be restored`
      : `${folder}: of ${total} images ${parts.join(', ')}, in ${brief(seconds)}${pace}`,
  );
  if (report !== undefined) printLine(out, `${report}: before and after, times, failures`);
  for (const { input, message, code } of failures.slice(0, NAMED)) printLine(err, `${input}: ${message} [${code}]`);
  if (failed > NAMED) printLine(err, `... and ${failed - NAMED} more, which the journal in ${folder} names`);
}
