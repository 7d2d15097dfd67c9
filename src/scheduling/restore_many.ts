import { onAbort } from '../device/on_abort.js';
import type { LatinoError } from '../errors.js';
import type { ImageInput } from '../image/index.js';
import {
  ManyMeasurement,
  type ManyOptions,
  MOST_TOGETHER,
  type RestoreManyOptions,
  type RestoreOptions,
  type Warning,
} from '../options.js';
import type { Restoration } from '../restoration.js';
import { parseOptions } from '../schema.js';
import { Condition } from './condition.js';
import { HELD_BYTES, RestorationQueue, type Restorer } from './restoration_queue.js';

/** An image, or an image with what differs from the options of all. */
export type ManyInput = ImageInput | (ManyOptions & { readonly input: ImageInput });

/** What became of one input. */
export type ManyResult<Input> = {
  /** As it was given. */
  readonly input: Input;
  /** Its place among the inputs, from 0. */
  readonly index: number;
  /** That it took to solve; of images that were solved together, each one's share. */
  readonly seconds: number;
  readonly warnings: readonly Warning[];
} & ({ readonly restored: Restoration; readonly error?: undefined } | { readonly error: Error; readonly restored?: undefined });

/** For every image that is solved so many are beside it: the next wait for it, the former for whoever takes them. */
const BESIDE = 2;

/**
 * Restores any number of images in bounded memory: a few are taken from `inputs` ahead of what is solved, and no more while results wait to be
 * taken. What fails is given with its error, and the rest goes on.
 *
 * @throws what `inputs` throws, after the results of what came before; the signal's reason on abort; ERR_LATINO_DISPOSED. Then, and when the
 * caller leaves the loop, nothing of it is left running.
 */
export async function* restoreMany<Input extends ManyInput>(
  restorer: Restorer,
  inputs: Iterable<Input> | AsyncIterable<Input>,
  options: RestoreManyOptions,
): AsyncGenerator<ManyResult<Input>, void, undefined> {
  const { order = 'kept', concurrency = 2, together, signal, ...common } = options;
  const window = (1 + BESIDE) * concurrency * (together ?? MOST_TOGETHER);
  const queue = new RestorationQueue(restorer, { concurrency, together, capacity: window });
  const controller = new AbortController();
  const changed = new Condition();
  const finished = new Map<number, ManyResult<Input>>();
  const underWay = new Set<Promise<void>>();
  let [pulled, taken] = [0, 0];
  let source: { readonly ended: boolean; readonly error?: unknown } = { ended: false };

  const next = (): ManyResult<Input> | undefined => finished.get((order === 'kept' ? taken : finished.keys().next().value) ?? -1);
  /** Solves no more while there is one to be taken, and much that has not been. */
  const hold = (): void => {
    const bytes = [...finished.values()].reduce((sum, { restored }) => sum + (restored?.image.data.byteLength ?? 0), 0);
    queue.pause(bytes > HELD_BYTES && next() !== undefined);
  };
  const begin = async (input: Input, index: number): Promise<void> => {
    finished.set(index, await restoreOne(queue, input, index, common, controller.signal));
    hold();
    changed.notify();
  };
  const pull = async (): Promise<void> => {
    for await (const input of inputs) {
      if (controller.signal.aborted) return;
      const work = begin(input, pulled++).finally(() => underWay.delete(work));
      underWay.add(work);
      while (pulled - taken >= window && !controller.signal.aborted) await changed.wait();
      if (controller.signal.aborted) return;
    }
  };
  const stop = (): void => {
    controller.abort(signal?.reason);
    changed.notify();
  };
  const unlisten = signal && onAbort(signal, stop);
  if (signal?.aborted) stop();
  else
    void pull()
      .then(
        () => ({ ended: true }),
        (error: unknown) => ({ ended: true, error }),
      )
      .then((end) => {
        source = end;
        changed.notify();
      });
  try {
    for (;;) {
      signal?.throwIfAborted();
      const result = next();
      if (result) {
        if ((result.error as Partial<LatinoError> | undefined)?.code === 'ERR_LATINO_DISPOSED') throw result.error;
        finished.delete(result.index);
        taken++;
        hold();
        changed.notify();
        yield result;
      } else if (source.ended && taken === pulled) {
        if ('error' in source) throw source.error;
        return;
      } else await changed.wait();
    }
  } finally {
    unlisten?.();
    stop();
    await Promise.allSettled(underWay);
  }
}

async function restoreOne<Input extends ManyInput>(
  queue: RestorationQueue,
  input: Input,
  index: number,
  common: Partial<RestoreOptions>,
  signal: AbortSignal,
): Promise<ManyResult<Input>> {
  const warnings: Warning[] = [];
  const begun = performance.now();
  try {
    const { source, options } = withOwn(input, common);
    const { restored, seconds } = await queue.add(source, { ...options, signal, onWarning: (warning) => warnings.push(warning) });
    return { input, index, restored, seconds, warnings };
  } catch (error) {
    return { input, index, error: error as Error, seconds: (performance.now() - begun) / 1000, warnings };
  }
}

/** The image of an input, and the options of all with its own in their place. */
function withOwn(input: ManyInput, common: Partial<RestoreOptions>): { source: ImageInput; options: RestoreOptions } {
  if (typeof input !== 'object' || input === null || !('input' in input)) return { source: input, options: common as RestoreOptions };
  const { input: source, ...own } = parseOptions(ManyMeasurement, input, { code: 'ERR_LATINO_ARGUMENT', what: 'an input of restoreMany' });
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  // A prompt of its own takes the place of the embedding of all.
  const text = own.prompt !== undefined && !own.embedding ? { embedding: undefined } : {};
  return { source: source as ImageInput, options: { ...common, ...given, ...text } as RestoreOptions };
}
