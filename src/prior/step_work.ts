import type { PictureSize } from '../device/addon.js';
import { type Budget, type Plan, plan, UNLIMITED } from '../graph/bands/plan.js';
import { Sizes } from '../graph/bands/sizes.js';
import type { Graph, Value } from '../graph/graph.js';
import { peakBytes, WORK_KINDS, type Work, workOf } from '../graph/work.js';
import { frameOf } from './framed_autoencoder.js';
import { type ModelFiles, stepGraphs } from './read_model.js';
import { windowGrid } from './windowed_prior.js';

/** What restoring a picture of some size takes. */
export interface StepWork {
  /** Of one step: the UNet in every window, the decoder and the encoder. */
  readonly step: Work;
  /** Windows that the UNet sees; 1 where it sees the whole picture. */
  readonly windows: number;
  /** Bytes of the networks' values that are in memory at the same time, at most. */
  readonly activations: number;
}

/**
 * @param budget of the autoencoder's images: in bands where they would take more
 * @throws LatinoError ERR_LATINO_MODEL as `stepGraphs` does
 */
export function stepWork(files: ModelFiles, picture: PictureSize, budget: Budget): StepWork {
  const { vae, multiple, nativeSize, texts } = files;
  const { downscaling } = vae.network;
  const image = frameOf(picture, multiple);
  const latents = { height: image.height / downscaling, width: image.width / downscaling };
  const grid = windowGrid(latents, nativeSize / downscaling);
  const window = grid ?? latents;
  const windows = grid ? grid.rows.length * grid.columns.length : 1;
  const tokens = texts[0]!.tokenizer.maxLength;
  const graphs = stepGraphs(files);
  const lengths = (graph: Graph, sizes: PictureSizes): Map<string, number> =>
    new Map([...lengthsOf(graph, sizes), ['batch', 1], ['tokens', tokens]]);
  const unetLengths = lengths(graphs.unet, { sample: window });
  const unet = { work: workOf(graphs.unet, unetLengths), times: windows, peak: peakBytes(graphs.unet, unetLengths) };
  const coders = [graphs.decoder, graphs.encoder].map((graph) => {
    const planned = (within: Budget): Plan => plan(graph, sizesOf(graph, { image, latents }), within);
    const { time, peak } = planned(budget);
    return { work: workOf(graph, lengths(graph, { image, latents })), times: time / planned(UNLIMITED).time, peak };
  });
  const runs = [unet, ...coders];
  const total = Object.fromEntries(WORK_KINDS.map((kind) => [kind, runs.reduce((sum, { work, times }) => sum + times * work[kind], 0)]));
  return { step: total as Work, windows, activations: Math.max(...runs.map(({ peak }) => peak)) };
}

type PictureSizes = Readonly<Record<string, PictureSize>>;

/** Of an encoder or a decoder. */
function sizesOf({ inputs, outputs }: Graph, sizes: PictureSizes): Sizes {
  const shape = ({ name, dims }: Value): number[] => [1, Number(dims[1]), sizes[name]!.height, sizes[name]!.width];
  return new Sizes([...inputs, ...outputs].map((value) => [value, shape(value)]));
}

/** What a network calls the sides of its inputs and outputs [N, C, height, width], where it names them by themselves. */
function lengthsOf({ inputs, outputs }: Graph, sizes: PictureSizes): Map<string, number> {
  const lengths = new Map<string, number>();
  for (const { name, dims } of [...inputs, ...outputs]) {
    const size = sizes[name];
    if (!size) continue;
    for (const [dim, length] of [
      [dims[2], size.height],
      [dims[3], size.width],
    ] as const)
      if (typeof dim === 'string' && !lengths.has(dim)) lengths.set(dim, length);
  }
  return lengths;
}
