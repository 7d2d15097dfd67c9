import { basename } from 'node:path';
import type { Command } from 'commander';
import type { CalibrateOptions, CalibrationPass, CalibrationPreset } from '../../index.js';
import { noiseInWords, noiseOf, summarise, writeCalibrationReport } from '../calibration.js';
import { type Io, printLine } from '../io.js';
import {
  addModelOptions,
  addSigmaOption,
  addSolverOptions,
  addTaskOption,
  type MeasurementFlags,
  type ModelFlags,
  measurementOptions,
  number,
} from '../options.js';
import { showPass } from '../progress.js';
import { withModel } from '../with_model.js';

interface Flags extends ModelFlags, MeasurementFlags {
  output: string;
  preset?: CalibrationPreset;
  passes?: number;
  report?: string;
  json?: boolean;
}

export function addCalibrate(program: Command, io: Io, operatorsHelp: string): void {
  const command = program
    .command('calibrate')
    .description('Calibrate the embedding of a prompt on several measurements of the same kind (LATINO-PRO), for restore --embedding.')
    .argument('<inputs...>', 'the measurements: image files');
  addSigmaOption(addTaskOption(command, 'what damaged them'))
    .requiredOption('-o, --output <file>', 'where the embedding goes, a .safetensors file')
    .option('--prompt <text>', 'what the images show, as far as you know; the calibration starts here')
    .option('--embedding <file>', 'start from this embedding instead of a prompt')
    .option('--preset <name>', 'best (the default) or official')
    .option('--passes <n>', '1 to 1000', number)
    .option('--report <file>', 'draw the curves of the calibration, .svg or .png');
  addModelOptions(command);
  addSolverOptions(command)
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
${operatorsHelp}

Examples:
  latino-native calibrate small/*.png --task sr:8 --sigma 0.01 --prompt "a portrait of a person" -o people.safetensors
  latino-native restore small/1.png --task sr:8 --sigma 0.01 --embedding people.safetensors -o restored.png`,
    )
    .action((inputs: string[], flags: Flags) => calibrate(io, inputs, flags));
}

async function calibrate(io: Io, inputs: string[], flags: Flags): Promise<void> {
  const { assertCalibrateOptions, assertChartWritable, assertFileWritable, readImage } = await import('../../index.js');
  const { output, report, preset, passes: count } = flags;
  await assertFileWritable(output);
  if (report !== undefined) await assertChartWritable(report);
  const options: CalibrateOptions = { ...(await measurementOptions(flags)), settings: { preset, passes: count } };
  assertCalibrateOptions(options);
  const measurements = await Promise.all(inputs.map((input) => readImage(input)));
  const noise = await noiseOf(measurements, options);

  const what = inputs.length === 1 ? basename(inputs[0]!) : `${inputs.length} measurements`;
  const passes: CalibrationPass[] = [];
  const done = await withModel(io, what, flags, async ({ latino, progress, ...handlers }) => {
    const calibrated = await latino.calibrate(measurements, {
      ...options,
      ...handlers,
      onProgress: (pass) => {
        passes.push(pass);
        showPass(progress, pass);
      },
    });
    await calibrated.save(output);
    if (report !== undefined) await writeCalibrationReport(report, what, passes);
  });

  const { seconds, device, warnings } = done;
  if (flags.json)
    printLine(io.out, JSON.stringify({ inputs, output, ...noise, report, seconds, device, calibration: { passes }, warnings }));
  else printLine(io.out, `${output}: ${what}${noiseInWords(noise)}, ${summarise(passes)}, ${seconds.toFixed(2)} s`);
}
