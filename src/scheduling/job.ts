import type { Image, ImageInput } from '../image/index.js';
import type { RestoreOptions } from '../options.js';
import type { Restoration } from '../restoration.js';
import { type RestorationStart, restorationEvents } from './restoration_events.js';

/** An image from when it is asked for until it is restored, failed or aborted. */
export interface Job {
  readonly id: number;
  readonly input: ImageInput;
  readonly options: RestoreOptions;
  readonly asked: number;
  /** Not there until it has been decoded. */
  image?: Image;
  state: 'waiting' | 'decoding' | 'decoded';
  isSettled: boolean;
  readonly resolve: (restored: Queued) => void;
  readonly reject: (error: unknown) => void;
}

/** What became of an image. */
export interface Queued {
  readonly restored: Restoration;
  /** That it took to solve; of images that were solved together, each one's share. */
  readonly seconds: number;
}

/** Whether an image can be solved with another: its problem is the same, and nothing watches it alone. */
export function canShare({ image, options }: Job, first: Job): boolean {
  if (image?.width !== first.image!.width || image.height !== first.image!.height) return false;
  const { operator, steps, stepRule, start, result, gammas, onWarning } = first.options;
  const isWatched = (watched: RestoreOptions): boolean => Boolean(watched.calibrate || watched.onProgress || watched.previews);
  return (
    !isWatched(options) &&
    !isWatched(first.options) &&
    options.operator === operator &&
    options.steps === steps &&
    options.stepRule === stepRule &&
    options.start === start &&
    options.result === result &&
    options.gammas === gammas &&
    (options.onWarning === undefined) === (onWarning === undefined)
  );
}

export interface Begun {
  readonly message: RestorationStart;
  readonly at: number;
}

export function begin({ id, input, options: { operator }, asked }: Job): Begun {
  const at = performance.now();
  const message = { id, input, operator, waitedSeconds: (at - asked) / 1000 };
  restorationEvents.start(message);
  return { message, at };
}

export function succeed(job: Job, { message, at }: Begun, restored: Restoration, together: number): void {
  const seconds = (performance.now() - at) / 1000 / together;
  restorationEvents.end({ ...message, seconds, width: restored.width, height: restored.height, together });
  job.resolve({ restored, seconds });
}

export function fail(job: Job, { message, at }: Begun, error: unknown): void {
  restorationEvents.error({ ...message, seconds: (performance.now() - at) / 1000, error });
  job.reject(error);
}
