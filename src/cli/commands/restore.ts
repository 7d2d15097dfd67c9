import { basename } from 'node:path';
import type { Command } from 'commander';
import { LatinoError } from '../../errors.js';
import { assertChartWritable, assertWritable } from '../../image/index.js';
import { Latino } from '../../latino.js';
import type { CalibrationPass, RestoreOptions } from '../../options.js';
import { assertFileWritable } from '../../output_file.js';
import { Embedding } from '../../prior/embedding.js';
import type { CalibrationPreset } from '../../solver/calibration_settings.js';
import type { StepRule } from '../../solver/step_rules.js';
import { summarise, writeCalibrationReport } from '../calibration.js';
import {
  addModelOptions,
  interruptSignal,
  loadOptions,
  type ModelFlags,
  measurementOptions,
  number,
  OPERATORS_HELP,
  operatorFrom,
  stepRule,
} from '../options.js';
import { progressBar, showPass } from '../progress.js';

interface Flags extends ModelFlags {
  task: string;
  sigma: number;
  output: string;
  prompt?: string;
  embedding?: string;
  calibrate?: true | string;
  calibratePasses?: number;
  saveEmbedding?: string;
  report?: string;
  steps: number;
  seed: number;
  stepRule: StepRule;
  result: RestoreOptions['result'];
  start: RestoreOptions['start'];
  bitDepth: number;
  json?: boolean;
}

export function registerRestore(program: Command): void {
  const command = program
    .command('restore')
    .description('Restore a degraded image.')
    .argument('<input>', 'the measurement: any image file')
    .requiredOption('--task <operator>', 'what damaged it, for example sr:8')
    .requiredOption('--sigma <s>', 'noise level on a [0, 1] image', number)
    .requiredOption('-o, --output <file>', 'PNG, JPEG, WebP or TIFF')
    .option('--prompt <text>', 'what the image shows: a portrait, or with another model a photo, unless told')
    .option('--embedding <file>', 'a calibrated embedding, which takes the place of the prompt')
    .option('--calibrate [preset]', 'calibrate the prompt on the image first (LATINO-PRO): best (the default) or official')
    .option('--calibrate-passes <n>', '1 to 1000', number)
    .option('--save-embedding <file>', 'keep what the prompt was calibrated to, a .safetensors file')
    .option('--report <file>', 'draw the curves of the calibration, .svg or .png');
  addModelOptions(command)
    .option('--steps <n>', '1 to 50', number, 8)
    .option('--seed <n>', 'non-negative integer', number, 0)
    .option('--step-rule <rule>', 'auto, official, discrepancy or a number', stepRule, 'auto')
    .option('--result <kind>', 'decoded (the paper), or proximal (keeps the data; better at low noise)', 'decoded')
    .option('--start <kind>', 'regularised or official', 'regularised')
    .option('--bit-depth <bits>', '8 or 16', number, 8)
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `${OPERATORS_HELP}

Examples:
  latino-native restore small.png --task sr:8 --sigma 0.01 --prompt "a portrait of a person" -o restored.png
  latino-native restore small.png --task sr:8 --sigma 0.01 --calibrate --save-embedding c.safetensors --report c.png -o restored.png
  latino-native restore small.png --task sr:8 --sigma 0.01 --embedding c.safetensors -o again.png`,
    )
    .action(async (input: string, flags: Flags) => {
      await assertWritable(flags.output, { bitDepth: flags.bitDepth as 8 | 16 });
      const calibrate = await calibrationOf(flags);
      const operator = await operatorFrom(flags.task);
      const embedding = flags.embedding === undefined ? undefined : await Embedding.load(flags.embedding);
      const begun = performance.now();
      await using latino = await Latino.load(loadOptions(flags));
      const progress = progressBar(input, flags.json === true);
      const passes: CalibrationPass[] = [];
      const restored = await latino
        .restore(input, {
          ...measurementOptions(flags),
          steps: flags.steps,
          result: flags.result,
          operator,
          embedding,
          calibrate,
          signal: interruptSignal(),
          onProgress: ({ step, calibration }) => {
            if (!calibration) return progress.show(step, flags.steps, `step ${step} of ${flags.steps}`);
            passes.push(calibration);
            showPass(progress, calibration);
          },
        })
        .finally(() => progress.stop());
      await restored.toFile(flags.output, { bitDepth: flags.bitDepth as 8 | 16 });
      if (flags.saveEmbedding !== undefined) await restored.embedding!.save(flags.saveEmbedding);
      if (flags.report !== undefined) await writeCalibrationReport(flags.report, basename(input), passes);
      const seconds = (performance.now() - begun) / 1000;
      if (flags.json) {
        const { width, height } = restored;
        const { output, saveEmbedding, report } = flags;
        const calibration = calibrate && { passes, embedding: saveEmbedding, report };
        console.log(JSON.stringify({ input, output, width, height, seconds, device: latino.device.name, calibration }));
      } else {
        console.log(`${flags.output}: ${restored.width} × ${restored.height}, ${seconds.toFixed(2)} s`);
        if (calibrate) console.log(`${flags.saveEmbedding ?? 'calibration'}: ${summarise(passes)}`);
      }
    });
}

/** What the flags ask of the calibration, with the files that it is to write checked; nothing where there is to be none. */
async function calibrationOf({ calibrate, calibratePasses, saveEmbedding, report }: Flags): Promise<RestoreOptions['calibrate']> {
  if (calibrate === undefined) {
    const alone = { '--calibrate-passes': calibratePasses, '--save-embedding': saveEmbedding, '--report': report };
    const given = Object.entries(alone).find(([, value]) => value !== undefined);
    if (given) throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected --calibrate where ${given[0]} is given`);
    return undefined;
  }
  if (saveEmbedding !== undefined) await assertFileWritable(saveEmbedding);
  if (report !== undefined) await assertChartWritable(report);
  return { preset: calibrate === true ? undefined : (calibrate as CalibrationPreset), passes: calibratePasses };
}
