import type { OperatorKind } from './kind.js';
import { colorizationKind } from './kinds/colorization.js';
import { convolutionKind } from './kinds/convolution.js';
import { denoisingKind } from './kinds/denoising.js';
import { gaussianBlurKind } from './kinds/gaussian_blur.js';
import { inpaintingKind } from './kinds/inpainting.js';
import { motionBlurKind } from './kinds/motion_blur.js';
import { superResolutionKind } from './kinds/super_resolution.js';

/** Every kind of operator, in the order of help. A kind is added here and nowhere else. */
const kinds = [
  superResolutionKind,
  gaussianBlurKind,
  motionBlurKind,
  convolutionKind,
  inpaintingKind,
  denoisingKind,
  colorizationKind,
] as const;

/** What damaged an image, as plain data. */
export type Operator = Parameters<(typeof kinds)[number]['officialTask']>[0];

/** A kind as it is seen by whoever has found it by its operator's name. */
export type AnyKind = OperatorKind<Operator['kind'], object>;

export const KINDS: readonly AnyKind[] = kinds;

const BY_NAME: ReadonlyMap<string, AnyKind> = new Map(KINDS.map((kind) => [kind.kind, kind]));

export const kindNamed = (name: string): AnyKind | undefined => BY_NAME.get(name);

export const kindOf = (operator: Operator): AnyKind => BY_NAME.get(operator.kind)!;
