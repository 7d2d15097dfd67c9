import { type Image, type ImageInput, readImage } from './image/index.js';
import { type NoiseLevel, noiseLevel } from './noise/noise_level.js';
import { checkOperator, type Operator, operatorTraits, unseenPixels } from './operators/index.js';
import { EstimateSigmaOptions, type MeasurementOptions, type Warning } from './options.js';
import { parseOptions } from './schema.js';

/** The noise level of a measurement as its picture tells it. */
export interface SigmaEstimate {
  /** Standard deviation of the noise on a [0, 1] image. */
  readonly sigma: number;
  /** Whether it can be relied on: by 15 % in nine measurements of ten. */
  readonly certain: boolean;
  /** Why not, where it cannot. */
  readonly doubt?: string;
}

/** The noise level that a measurement is restored with. */
export interface UsedSigma extends SigmaEstimate {
  /** Nobody gave it. */
  readonly estimated: boolean;
}

/**
 * Estimates the noise of a measurement, as `sigma: 'auto'` does. No model is needed.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT, ERR_LATINO_IMAGE, ERR_LATINO_OPERATOR; ERR_LATINO_SHAPE when a mask has another size
 */
export async function estimateSigma(input: ImageInput, options: EstimateSigmaOptions): Promise<SigmaEstimate> {
  const parsed = parseOptions(EstimateSigmaOptions, options, { code: 'ERR_LATINO_ARGUMENT', what: 'options of estimateSigma' });
  const operator = checkOperator(parsed.operator);
  return estimateOf(await readImage(input, { channels: operatorTraits(operator).measurementChannels }), operator);
}

/** The noise level that was given, or else is estimated. */
export async function usedSigma(sigma: MeasurementOptions['sigma'], image: Image, operator: Operator): Promise<UsedSigma> {
  if (typeof sigma === 'number') return { sigma, certain: true, estimated: false };
  return { ...(await estimateOf(image, operator)), estimated: true };
}

/** The warnings for the measurements of a batch whose noise is not certain. */
export function unsureSigmas(used: readonly UsedSigma[]): Warning[] {
  return [...used.entries()].flatMap(([k, { sigma, doubt }]) =>
    doubt === undefined ? [] : { ...unsure(sigma, doubt), ...(used.length > 1 && { images: [k] }) },
  );
}

async function estimateOf(image: Image, operator: Operator): Promise<SigmaEstimate> {
  const { sigma, doubt }: NoiseLevel = await noiseLevel(image, unseenPixels(operator, image));
  return { sigma, certain: doubt === undefined, ...(doubt !== undefined && { doubt }) };
}

const unsure = (sigma: number, doubt: string): Warning => ({
  code: 'WARN_LATINO_SIGMA_UNSURE',
  message: `The noise level was estimated as ${sigma.toPrecision(2)}, which may be off: ${doubt}; give it where you know it (sigma, --sigma)`,
});
