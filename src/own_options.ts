import { LatinoError } from './errors.js';
import { type BatchInput, BatchMeasurement, type RestoreOptions } from './options.js';
import { parseOptions } from './schema.js';

/** What a measurement of a batch has of its own. */
export type Own = Pick<BatchInput, 'input' | 'sigma' | 'prompt' | 'embedding' | 'seed'>;

/**
 * What each measurement of a batch has of its own, from itself or from the options of all.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT
 */
export function ownOptions(inputs: readonly BatchInput[], { sigma, prompt, embedding, seed }: RestoreOptions): Own[] {
  if (!Array.isArray(inputs) || inputs.length === 0)
    throw new LatinoError('ERR_LATINO_ARGUMENT', 'Expected an array of at least one measurement to restore');
  return inputs.map((each) => {
    const own = parseOptions(BatchMeasurement, each, { code: 'ERR_LATINO_ARGUMENT', what: 'a measurement of a batch' });
    // An embedding takes the place of a prompt, and of the embedding of all where the measurement names a prompt of its own.
    const text = own.embedding || own.prompt !== undefined ? { prompt: own.prompt, embedding: own.embedding } : { prompt, embedding };
    return { input: each.input, sigma: own.sigma ?? sigma, seed: own.seed ?? seed, ...text };
  });
}
