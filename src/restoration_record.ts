import type { Warning } from './options.js';
import type { EmbeddingSource } from './prior/embedding.js';
import type { CalibrationSettings } from './solver/calibration_settings.js';
import type { Result } from './solver/latino.js';
import type { Start } from './solver/step.js';
import type { StepRule } from './solver/step_rules.js';

/** What a restoration was: plain values, defaults filled in. With the measurement and the model they give the same image again. */
export interface RestorationRecord {
  /** Version of this package. */
  readonly package: string;
  /** As `Latino.load` was told it. */
  readonly model: string;
  readonly device: string;
  /** As the command line spells it, or what it is where that has no spelling. */
  readonly operator: string;
  /** Noise level on a [0, 1] image. */
  readonly sigma: number;
  /** What the image was said to show; of an embedding, what that was calibrated from. */
  readonly prompt: string;
  /** Where an embedding took the prompt's place: where it comes from. */
  readonly embedding?: EmbeddingSource;
  /** Where the prompt was calibrated first: how. */
  readonly calibration?: CalibrationSettings;
  readonly seed: number;
  readonly steps: number;
  /** Of each step, decreasing. */
  readonly timesteps: readonly number[];
  readonly stepRule: StepRule;
  readonly start: Start;
  readonly result: Result;
  /** gamma_k of each step's proximal point, where `gammas` was asked for: how far the data were trusted, higher for more. */
  readonly gammas?: readonly number[];
  /** From the call on, reading included; of images that were solved together, each one's share. */
  readonly seconds: number;
  readonly warnings: readonly Omit<Warning, 'images'>[];
}
