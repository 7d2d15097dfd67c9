import { createHash } from 'node:crypto';
import { USED } from './checkpoint/checkpoint.js';
import { findModel } from './checkpoint/embedded_models.js';
import { Lora } from './checkpoint/lora.js';
import { openCheckpoint, STEP_AUTOENCODER } from './checkpoint/open_checkpoint.js';
import { digestWeights } from './checkpoint/weights_digest.js';
import { LoadOptions } from './options.js';
import { parseOptions } from './schema.js';

const WEIGHED = [...USED, STEP_AUTOENCODER];
const FILES: readonly (readonly [component: string, file: string])[] = [
  ...WEIGHED.map((component) => [component, 'config.json'] as const),
  ['scheduler', 'scheduler_config.json'],
  ...['tokenizer', 'tokenizer_2'].flatMap((component) =>
    ['tokenizer_config.json', 'vocab.json', 'merges.txt'].map((file) => [component, file] as const),
  ),
];

/**
 * Tells models apart without loading one: 32 hexadecimal digits over the weights and configurations of its parts, its LoRAs, its guidance and the
 * prompt that it takes where there is none. Where
 * it lies on the disk, and on which device it runs, do not count.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT, ERR_LATINO_MODEL
 */
export async function modelDigest(options: LoadOptions = {}): Promise<string> {
  const { model, loras, guidance, ...parts } = parseOptions(LoadOptions, options, {
    code: 'ERR_LATINO_ARGUMENT',
    what: 'options of a model',
  });
  const { folder: path, prompt } = findModel(model);
  const checkpoint = await openCheckpoint(path, parts);
  const hash = createHash('sha256').update(JSON.stringify({ guidance, prompt }));
  const has = (component: string): boolean => checkpoint.className(component) !== undefined;
  for (const [component, file] of FILES.filter(([component]) => has(component)))
    hash.update(`${component}/${file}\n`).update(
      await checkpoint
        .component(component)
        .readText(file)
        .catch(() => ''),
    );
  for (const component of WEIGHED.filter(has)) hash.update(await digestWeights((await checkpoint.weights(component)).tensors));
  for (const lora of await Lora.openAll(loras)) hash.update(await lora.digest());
  return hash.digest('hex').slice(0, 32);
}
