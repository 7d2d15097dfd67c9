import type { Graph } from '../graph/graph.js';
import { peakBytes, WORK_KINDS, type Work, workOf } from '../graph/work.js';
import { type ModelFiles, stepGraphs } from './read_model.js';
import { windowGrid } from './windowed_prior.js';

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** What restoring a picture of some size takes. */
export interface StepWork {
  /** Of one step: the UNet in every window, the decoder and the encoder. */
  readonly step: Work;
  /** Windows that the UNet sees; 1 where it sees the whole picture. */
  readonly windows: number;
  /** Bytes of the networks' values that are in memory at the same time, at most, where each pass is of the whole picture. */
  readonly activations: number;
}

/** @throws LatinoError ERR_LATINO_MODEL as `stepGraphs` does */
export function stepWork(files: ModelFiles, { width, height }: PictureSize): StepWork {
  const { vae, multiple, nativeSize, texts } = files;
  const { downscaling } = vae.network;
  const framed = (side: number): number => Math.ceil(side / multiple) * multiple;
  const image = { height: framed(height), width: framed(width) };
  const latents = { height: image.height / downscaling, width: image.width / downscaling };
  const grid = windowGrid(latents, nativeSize / downscaling);
  const window = grid ?? latents;
  const windows = grid ? grid.rows.length * grid.columns.length : 1;
  const tokens = texts[0]!.tokenizer.maxLength;
  const graphs = stepGraphs(files);
  const runs = [
    { graph: graphs.unet, lengths: lengthsOf(graphs.unet, { sample: window }), times: windows },
    { graph: graphs.decoder, lengths: lengthsOf(graphs.decoder, { latents, image }), times: 1 },
    { graph: graphs.encoder, lengths: lengthsOf(graphs.encoder, { image, latents }), times: 1 },
  ].map((run) => ({ ...run, lengths: new Map([...run.lengths, ['batch', 1], ['tokens', tokens]]) }));
  const works = runs.map(({ graph, lengths, times }) => ({ work: workOf(graph, lengths), times }));
  const total = Object.fromEntries(WORK_KINDS.map((kind) => [kind, works.reduce((sum, { work, times }) => sum + times * work[kind], 0)]));
  return { step: total as Work, windows, activations: Math.max(...runs.map(({ graph, lengths }) => peakBytes(graph, lengths))) };
}

/** What a network calls the sides of its inputs and outputs [N, C, height, width], where it names them by themselves. */
function lengthsOf({ inputs, outputs }: Graph, sizes: Readonly<Record<string, PictureSize>>): Map<string, number> {
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
