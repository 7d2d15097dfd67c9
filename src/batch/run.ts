import { LatinoError } from '../errors.js';
import { modelDigest } from '../model_digest.js';
import { checkOperator } from '../operators/index.js';
import { parseOptions, show } from '../schema.js';
import { knownEmbedding } from './calibrate_sample.js';
import type { BatchSummary } from './events.js';
import { SettingsReader } from './image_settings.js';
import { BatchOptions, type BatchSettings, commonSettings } from './options.js';
import { Outcomes } from './outcomes.js';
import { openOutputFolder } from './output_folder.js';
import { type Batch, perform } from './perform.js';
import { entriesOf, plan } from './plan.js';
import { isOf, WHOLE } from './share.js';
import { openSource, type Source } from './sources.js';
import { Tally } from './tally.js';

/**
 * Restores the images of folders, globs, manifests and files into a folder, so that it may be stopped at any instant, killed too, and started again:
 * what is done stays done, and the rest is done once. An image's failure is written down, and ends nothing.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT, ERR_LATINO_OPERATOR, ERR_LATINO_MODEL, ERR_LATINO_EMBEDDING before anything is done; ERR_LATINO_OUTPUT when
 * another process writes to the folder, or it cannot be written, as when the disk is full; the signal's reason on abort
 */
export async function runBatch(inputs: string | readonly string[], options: BatchOptions): Promise<BatchSummary> {
  const settings = parseOptions(BatchOptions, options, { code: 'ERR_LATINO_ARGUMENT', what: 'options of a batch' });
  if (settings.operator !== undefined) checkOperator(settings.operator);
  requireOneCalibration(settings);
  requireNothingOfWorkers(settings);
  const begun = performance.now();
  const spellings = typeof inputs === 'string' ? [inputs] : inputs;
  const sources: Source[] = [];
  for (const spelling of spellings) sources.push(await openSource(spelling));
  for await (const _ of entriesOf(sources, settings)) return undertake({ sources, spellings, settings }, begun);
  throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected at least one image but there is none in ${spellings.map(show).join(', ')}`);
}

async function undertake(batch: Pick<Batch, 'sources' | 'spellings' | 'settings'>, begun: number): Promise<BatchSummary> {
  const { sources, settings } = batch;
  const { out, shard: share = WHOLE } = settings;
  const model = await modelDigest(settings.model);
  await using folder = settings.dryRun ? undefined : await openOutputFolder(out, share);
  const outcomes = await Outcomes.read(out);
  const { total, tally } = await survey(sources, settings, outcomes);
  const device = folder
    ? await perform({ ...batch, share, model, folder, outcomes, total, tally })
    : await rehearse({ ...batch, share, model, outcomes, tally });
  return tally.summary((performance.now() - begun) / 1000, device);
}

/** Goes through all images once, so that it is known how many there are. */
async function survey(sources: readonly Source[], settings: BatchSettings, outcomes: Outcomes): Promise<{ total: number; tally: Tally }> {
  const { shard: share = WHOLE, onEvent } = settings;
  let [total, ofShare, written] = [0, 0, 0];
  for await (const { output } of entriesOf(sources, settings)) {
    total++;
    if (!isOf(share, output)) continue;
    ofShare++;
    if (outcomes.wasWritten(output)) written++;
  }
  onEvent?.({ event: 'run', total: ofShare, left: ofShare - written });
  return { total, tally: new Tally(ofShare, onEvent) };
}

/** Tells what would be restored. An embedding that is not calibrated yet is not known: all would be restored with it. */
async function rehearse(batch: Pick<Batch, 'sources' | 'settings' | 'share' | 'model' | 'outcomes' | 'tally'>): Promise<undefined> {
  const { sources, settings, outcomes, tally, share, model } = batch;
  const { out, calibrateOn: count, calibration, reference } = settings;
  const common = commonSettings(settings);
  const embedding = count === undefined ? common.embedding : await knownEmbedding(out, { count, calibration, settings: common, model });
  const reader = new SettingsReader({ ...common, embedding }, reference);
  const isKnown = count === undefined || embedding !== undefined;
  let planned = 0;
  for await (const step of plan(sources, outcomes, reader, { ...settings, share, model: isKnown ? model : `${model}, calibrated` })) {
    if (step.todo === 'skip') tally.past(step, outcomes.failure(step.output), step.status);
    else if (planned++ < (settings.limit ?? Infinity)) tally.planned(step);
  }
}

/** What would not be heeded is refused. */
function requireNothingOfWorkers(settings: BatchSettings): void {
  const given = (['concurrency', 'together'] as const).find((name) => settings[name] !== undefined);
  if (settings.queue && given)
    throw new LatinoError(
      'ERR_LATINO_ARGUMENT',
      `Expected ${given} to be left to the workers of the queue but received ${settings[given]}`,
    );
}

function requireOneCalibration({ calibrateOn, calibrate, operator }: BatchSettings): void {
  if (calibrateOn === undefined) return;
  if (calibrate) throw new LatinoError('ERR_LATINO_ARGUMENT', 'Expected calibrate or calibrateOn but received both');
  if (operator === undefined)
    throw new LatinoError('ERR_LATINO_ARGUMENT', 'Expected an operator for all images where calibrateOn is given');
}
