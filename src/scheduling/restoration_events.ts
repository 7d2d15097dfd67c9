import { channel } from 'node:diagnostics_channel';
import type { ImageInput } from '../image/index.js';
import type { Operator } from '../operators/index.js';

/** What is published on `latino-native:restoration:start`. */
export interface RestorationStart {
  /** Tells the restorations of a process apart. */
  readonly id: number;
  readonly input: ImageInput;
  readonly operator: Operator;
  readonly waitedSeconds: number;
}

/** On `latino-native:restoration:end`. */
export interface RestorationEnd extends RestorationStart {
  /** From the start on; of images that were solved together, each one's share. */
  readonly seconds: number;
  readonly width: number;
  readonly height: number;
  /** How many images were solved together. */
  readonly together: number;
}

/** On `latino-native:restoration:error`; what was aborted ends here too. */
export interface RestorationError extends RestorationStart {
  readonly seconds: number;
  readonly error: unknown;
}

const start = channel('latino-native:restoration:start');
const end = channel('latino-native:restoration:end');
const error = channel('latino-native:restoration:error');

/** For whoever collects metrics: every restoration of a queue or of `restoreMany` starts once, and ends once, well or with an error. */
export const restorationEvents = {
  start: (message: RestorationStart): void => start.publish(message),
  end: (message: RestorationEnd): void => end.publish(message),
  error: (message: RestorationError): void => error.publish(message),
};
