import { basename } from 'node:path';
import type { Command } from 'commander';
import type { CalibrationPass, CalibrationPreset, RestoreOptions } from '../../index.js';
import { summarise, writeCalibrationReport } from '../calibration.js';
import { type Io, printLine } from '../io.js';
import {
  addModelOptions,
  addReadingOptions,
  addSolverOptions,
  addStepsOption,
  addTaskOptions,
  type MeasurementFlags,
  type ModelFlags,
  measurementOptions,
  number,
  type ReadingFlags,
  readingOptions,
} from '../options.js';
import { showPass } from '../progress.js';
import { withModel } from '../with_model.js';

interface Flags extends ModelFlags, MeasurementFlags, ReadingFlags {
  output: string;
  calibrate?: boolean;
  calibratePreset?: CalibrationPreset;
  calibratePasses?: number;
  saveEmbedding?: string;
  report?: string;
  steps?: number;
  result: RestoreOptions['result'];
  bitDepth: 8 | 16;
  json?: boolean;
}

export function addRestore(program: Command, io: Io, operatorsHelp: string): void {
  const command = program.command('restore').description('Restore a degraded image.').argument('<input>', 'the measurement: an image file');
  addTaskOptions(command, 'what damaged it')
    .requiredOption('-o, --output <file>', 'PNG, JPEG, WebP or TIFF')
    .option('--prompt <text>', 'what the image shows: a photo, or with the model portraits a portrait, unless told')
    .option('--embedding <file>', 'a calibrated embedding, which takes the place of the prompt')
    .option('--calibrate', 'calibrate the prompt on the image first (LATINO-PRO)')
    .option('--calibrate-preset <name>', 'best (the default) or official')
    .option('--calibrate-passes <n>', '1 to 1000', number)
    .option('--save-embedding <file>', 'keep what the prompt was calibrated to, a .safetensors file')
    .option('--report <file>', 'draw the curves of the calibration, .svg or .png');
  addStepsOption(addModelOptions(command));
  addReadingOptions(addSolverOptions(command))
    .option(
      '--result <kind>',
      'decoded (the paper), or proximal (keeps the data; the default for images that the model portraits does not know)',
    )
    .option('--bit-depth <bits>', '8 or 16', number, 8)
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
${operatorsHelp}

Examples:
  latino-native restore small.png --task sr:8 --sigma 0.01 --prompt "a portrait of a person" -o restored.png
  latino-native restore small.png --task sr:8 --sigma 0.01 --calibrate --save-embedding c.safetensors --report c.png -o restored.png
  latino-native restore small.png --task sr:8 --sigma 0.01 --embedding c.safetensors -o again.png`,
    )
    .action((input: string, flags: Flags) => restore(io, input, flags));
}

async function restore(io: Io, input: string, flags: Flags): Promise<void> {
  const { assertRestoreOptions, assertWritable, readImage } = await import('../../index.js');
  const { output, bitDepth, saveEmbedding, report, result } = flags;
  await assertWritable(output, { bitDepth });
  const calibrate = await calibrationOf(flags);
  const reading = readingOptions(flags);
  // The gammas are of the record, which nobody sees without --json.
  const options: RestoreOptions = {
    ...(await measurementOptions(flags)),
    ...reading,
    steps: flags.steps,
    result,
    calibrate,
    gammas: flags.json,
  };
  assertRestoreOptions(options);
  const measurement = await readImage(input, reading);

  const passes: CalibrationPass[] = [];
  const done = await withModel(io, basename(input), flags, async ({ latino, progress, ...handlers }) => {
    const restored = await latino.restore(measurement, {
      ...options,
      ...handlers,
      onProgress: ({ step, steps, calibration }) => {
        if (!calibration) return progress.show(step, steps, `step ${step} of ${steps}`);
        passes.push(calibration);
        showPass(progress, calibration);
      },
    });
    await restored.toFile(output, { bitDepth });
    if (saveEmbedding !== undefined) await restored.embedding!.save(saveEmbedding);
    if (report !== undefined) await writeCalibrationReport(report, basename(input), passes);
    const { width, height, record } = restored;
    return { width, height, record };
  });

  const { result: restored, seconds, device, warnings } = done;
  if (flags.json) {
    const calibration = calibrate && { passes, embedding: saveEmbedding, report };
    const { width, height, record } = restored;
    printLine(io.out, JSON.stringify({ input, output, width, height, seconds, device, calibration, warnings, record }));
    return;
  }
  printLine(io.out, `${output}: ${restored.width} × ${restored.height}, ${seconds.toFixed(2)} s`);
  if (calibrate) printLine(io.out, `${saveEmbedding ?? 'calibration'}: ${summarise(passes)}`);
}

/** What the flags ask of the calibration, with the files that it is to write checked; nothing where there is to be none. */
async function calibrationOf(flags: Flags): Promise<RestoreOptions['calibrate']> {
  const { assertChartWritable, assertFileWritable, LatinoError } = await import('../../index.js');
  const { calibrate, calibratePreset: preset, calibratePasses: passes, saveEmbedding, report } = flags;
  if (!calibrate) {
    const alone = { '--calibrate-preset': preset, '--calibrate-passes': passes, '--save-embedding': saveEmbedding, '--report': report };
    const given = Object.entries(alone).find(([, value]) => value !== undefined);
    if (given) throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected --calibrate where ${given[0]} is given`);
    return undefined;
  }
  if (saveEmbedding !== undefined) await assertFileWritable(saveEmbedding);
  if (report !== undefined) await assertChartWritable(report);
  return { preset, passes };
}
