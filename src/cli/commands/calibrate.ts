import { basename } from 'node:path';
import type { Command } from 'commander';
import { assertChartWritable } from '../../image/index.js';
import { Latino } from '../../latino.js';
import type { CalibrateOptions, CalibrationPass } from '../../options.js';
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
  preset?: string;
  passes?: number;
  report?: string;
  seed: number;
  stepRule: StepRule;
  start: CalibrateOptions['start'];
  json?: boolean;
}

export function registerCalibrate(program: Command): void {
  const command = program
    .command('calibrate')
    .description('Calibrate the embedding of a prompt on several measurements of the same kind (LATINO-PRO), for restore --embedding.')
    .argument('<inputs...>', 'the measurements: any image files')
    .requiredOption('--task <operator>', 'what damaged them, for example sr:8')
    .requiredOption('--sigma <s>', 'noise level on a [0, 1] image', number)
    .requiredOption('-o, --output <file>', 'where the embedding goes, a .safetensors file')
    .option('--prompt <text>', 'what the images show, as far as you know; the calibration starts here')
    .option('--embedding <file>', 'start from this embedding instead of a prompt')
    .option('--preset <name>', 'best (the default) or official')
    .option('--passes <n>', '1 to 1000', number)
    .option('--report <file>', 'draw the curves of the calibration, .svg or .png');
  addModelOptions(command)
    .option('--seed <n>', 'non-negative integer', number, 0)
    .option('--step-rule <rule>', 'auto, official, discrepancy or a number', stepRule, 'auto')
    .option('--start <kind>', 'regularised or official', 'regularised')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `${OPERATORS_HELP}

Examples:
  latino-native calibrate small/*.png --task sr:8 --sigma 0.01 --prompt "a portrait of a person" -o people.safetensors
  latino-native restore small/1.png --task sr:8 --sigma 0.01 --embedding people.safetensors -o restored.png`,
    )
    .action(async (inputs: string[], flags: Flags) => {
      await assertFileWritable(flags.output);
      if (flags.report !== undefined) await assertChartWritable(flags.report);
      const operator = await operatorFrom(flags.task);
      const embedding = flags.embedding === undefined ? undefined : await Embedding.load(flags.embedding);
      const begun = performance.now();
      await using latino = await Latino.load(loadOptions(flags));
      const what = inputs.length === 1 ? basename(inputs[0]!) : `${inputs.length} measurements`;
      const progress = progressBar(what, flags.json === true);
      const passes: CalibrationPass[] = [];
      const calibrated = await latino
        .calibrate(inputs, {
          ...measurementOptions(flags),
          operator,
          embedding,
          settings: { preset: flags.preset as CalibrationPreset | undefined, passes: flags.passes },
          signal: interruptSignal(),
          onProgress: (pass) => {
            passes.push(pass);
            showPass(progress, pass);
          },
        })
        .finally(() => progress.stop());
      await calibrated.save(flags.output);
      if (flags.report !== undefined) await writeCalibrationReport(flags.report, what, passes);
      const seconds = (performance.now() - begun) / 1000;
      if (flags.json) {
        const { output, report } = flags;
        console.log(JSON.stringify({ inputs, output, report, seconds, device: latino.device.name, calibration: { passes } }));
      } else {
        console.log(`${flags.output}: ${what}, ${summarise(passes)}, ${seconds.toFixed(2)} s`);
      }
    });
}
