import type { Addon, Tensor, WindowGrid } from '../device/addon.js';
import { Conditioning } from './conditioning.js';
import type { Prior, PromptGradient } from './prior.js';
import { PriorDecorator } from './prior_decorator.js';

/** A side may be so many times the native one before windows are laid over it. */
const MOST_WITHOUT = 1.25;
/** Part of a window that the next one covers too, and over which they fade into each other. */
const OVERLAP = 1 / 4;
/** Latents that go through the UNet together: a GPU is not full with one window, nor is a CPU with a small one. */
const LATENTS_TOGETHER = { cpu: 8 * 16 * 16, cuda: 4 * 128 * 128 } as const;

type Kernels = Pick<Addon, 'cutWindows' | 'blendWindows' | 'shareWindows' | 'slice' | 'concatenate' | 'linearCombination'>;

/** Windows of one image that go through the network together. */
interface Chunk {
  /** Among the windows of all images. */
  readonly from: number;
  readonly to: number;
  readonly image: number;
  readonly conditioning: Conditioning;
}

/**
 * A prior for images of any size: the UNet, which knows images of its native size, sees overlapping windows of it, and what it says of them is
 * blended in latent space (as MultiDiffusion, Bar-Tal et al. 2023, with weights that fade). Encoder and decoder take the whole image, and so does
 * the proximal step outside: no seams, and the physics exact everywhere. Images about as large as the native size go through as they are.
 */
export class WindowedPrior extends PriorDecorator {
  /** @param stride latents from a window to the next; three quarters of a window by default */
  constructor(
    private readonly kernels: Kernels,
    prior: Prior,
    private readonly stride?: number,
  ) {
    super(prior);
  }

  get forLastStep(): Prior {
    const { forLastStep } = this.prior;
    return forLastStep === this.prior ? this : new WindowedPrior(this.kernels, forLastStep, this.stride);
  }

  override predictNoise(z: Tensor, t: number, c: Conditioning): Tensor {
    const grid = this.gridOver(z);
    if (!grid) return this.prior.predictNoise(z, t, c);
    const { kernels } = this;
    using cut = kernels.cutWindows(z, grid);
    const parts: Tensor[] = [];
    try {
      for (const { from, to, conditioning } of this.chunks(z, grid, c)) {
        using part = kernels.slice(cut, from, to);
        parts.push(this.prior.predictNoise(part, t, conditioning));
      }
      using windows = kernels.concatenate(parts);
      return kernels.blendWindows(windows, grid, z.shape[2]!, z.shape[3]!);
    } finally {
      for (const part of parts) part.dispose();
    }
  }

  /** The windows' gradients add up, each of its share of the cotangent. */
  override async loadPromptGradient(): Promise<PromptGradient> {
    const gradientOf = await this.prior.loadPromptGradient();
    return (z, t, c, cotangent) => {
      const grid = this.gridOver(z);
      if (!grid) return gradientOf(z, t, c, cotangent);
      const { kernels } = this;
      using cut = kernels.cutWindows(z, grid);
      using shares = kernels.shareWindows(cotangent, grid);
      const sums: Tensor[] = [];
      try {
        for (const { from, to, image, conditioning } of this.chunks(z, grid, c)) {
          using part = kernels.slice(cut, from, to);
          using share = kernels.slice(shares, from, to);
          using gradients = gradientOf(part, t, conditioning, share);
          for (let k = 0; k < to - from; k++) {
            const gradient = kernels.slice(gradients, k, k + 1);
            const sum = sums[image];
            sums[image] = sum ? kernels.linearCombination(1, sum, 1, gradient) : gradient;
            if (!sum) continue;
            sum.dispose();
            gradient.dispose();
          }
        }
        return kernels.concatenate(sums);
      } finally {
        for (const sum of sums) sum.dispose();
      }
    };
  }

  private gridOver({ shape }: Tensor): WindowGrid | undefined {
    const [, , height, width] = shape as readonly [number, number, number, number];
    return windowGrid({ height, width }, this.nativeSize / this.downscaling, this.stride);
  }

  /** The windows of all images in order, each chunk with what the network is told of it, until the next is asked for. */
  private *chunks(z: Tensor, grid: WindowGrid, c: Conditioning): Generator<Chunk, void, undefined> {
    const places = grid.rows.flatMap((row) => grid.columns.map((column) => ({ row, column })));
    const together = Math.max(1, Math.floor(LATENTS_TOGETHER[this.device.kind] / (grid.height * grid.width)));
    for (let image = 0; image < z.shape[0]!; image++) {
      using own = c.map((tensor) => this.kernels.slice(tensor, image, image + 1));
      for (let first = 0; first < places.length; first += together) {
        const some = places.slice(first, first + together);
        using conditioning = this.conditionWindows(z, grid, own, some);
        const from = image * places.length + first;
        yield { from, to: from + some.length, image, conditioning };
      }
    }
  }

  /** One image's conditioning for each of these windows, with its place in the picture. */
  private conditionWindows(
    { shape }: Tensor,
    grid: WindowGrid,
    own: Conditioning,
    places: readonly { readonly row: number; readonly column: number }[],
  ): Conditioning {
    const pixels = (latents: number): number => latents * this.downscaling;
    const picture = { height: pixels(shape[2]!), width: pixels(shape[3]!) };
    const size = { height: pixels(grid.height), width: pixels(grid.width) };
    const placed = places.map(({ row, column }) => this.placeInputs(picture, { top: pixels(row), left: pixels(column), ...size }));
    const repeated = own.map((tensor) => this.kernels.concatenate(places.map(() => tensor)));
    const added = Object.keys(placed[0]!).map((name) => [name, this.kernels.concatenate(placed.map((one) => one[name]!))] as const);
    return new Conditioning(repeated.promptEmbeds, { ...repeated.added, ...Object.fromEntries(added) });
  }
}

/**
 * The windows over latents of this size for a network that knows squares of `side`; none where it sees them whole.
 *
 * @param stride from a window to the next; three quarters of a window by default
 */
export function windowGrid(
  { height, width }: { readonly height: number; readonly width: number },
  side: number,
  stride: number = Math.max(1, Math.round((1 - OVERLAP) * side)),
): WindowGrid | undefined {
  if (Math.max(height, width) <= MOST_WITHOUT * side) return undefined;
  return {
    rows: startsOf(height, side, stride),
    columns: startsOf(width, side, stride),
    height: Math.min(side, height),
    width: Math.min(side, width),
    ramp: OVERLAP * side,
  };
}

/** Where windows of `side` start that cover n latents: every `stride`, and the last at the end. */
function startsOf(n: number, side: number, stride: number): number[] {
  if (n <= side) return [0];
  const starts: number[] = [];
  for (let start = 0; start < n - side; start += stride) starts.push(start);
  return [...starts, n - side];
}
