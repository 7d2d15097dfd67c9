import type { Addon, Cancellation, Device, Session, Shape } from '../device/addon.js';
import { LatinoError } from '../errors.js';
import { type Budget, UNLIMITED } from '../graph/bands/plan.js';
import { compile, type Target } from '../graph/compile.js';
import type { Graph } from '../graph/graph.js';
import { cpu } from '../graph/targets/cpu/cpu.js';
import { cuda, cudaHalf } from '../graph/targets/cuda/cuda.js';
import type { Autoencoder } from '../networks/autoencoder.js';
import { allOrNone } from './all_or_none.js';
import { FramedAutoencoder } from './framed_autoencoder.js';
import { ImageNetwork } from './image_network.js';
import { LatentModel } from './latent_model.js';
import { type LoadedTextEncoder, PromptEncoder } from './prompt_encoder.js';
import {
  type AutoencoderGraphs,
  autoencoderGraphs,
  type ModelSource,
  readModel,
  reverseGraph,
  stepGraphs,
  type TextEncoderFiles,
  textGraph,
} from './read_model.js';
import { type ReadingProgress, type ReadNetwork, watchReading } from './reading_progress.js';
import { TextEncoder } from './text_encoder.js';

/** What the networks are computed in. */
export type Precision = 'float32' | 'float16';

const TARGETS: Readonly<Record<Device['kind'], Partial<Record<Precision, Target>>>> = {
  cpu: { float32: cpu },
  cuda: { float32: cuda, float16: cudaHalf },
};

export interface ModelOptions extends ModelSource {
  /** CPU threads; every core by default. */
  readonly threads?: number;
  /** Of UNet and text encoders, `float32` by default. The autoencoder is computed in float32: SDXL's leaves the range of float16. */
  readonly precision?: Precision;
  /** What the images of a pass of the autoencoder may take; anything by default. */
  readonly budget?: Budget;
  /** Stops the load. */
  readonly cancellation?: Cancellation;
  /** Told how much of the networks of every step has been read, which goes on into the first step. */
  readonly onProgress?: (progress: ReadingProgress) => void;
}

/**
 * Loads a diffusers folder or a checkpoint in a single file as a prior.
 *
 * @throws LatinoError as `readModel` and `stepGraphs` do; ERR_LATINO_ARGUMENT when the device does not compute in this precision;
 * ERR_LATINO_CANCELLED
 */
export async function loadModel(addon: Addon, device: Device, path: string, options: ModelOptions = {}): Promise<LatentModel> {
  const files = await readModel(path, options);
  const { family, schedule, vae, stepAutoencoder, texts, nativeSize, multiple } = files;
  const full = targetOf(device, 'float32');
  const chosen = targetOf(device, options.precision ?? 'float32');
  const { threads, budget = UNLIMITED } = options;
  const openAs = async (target: Target, graph: Graph, cancellation?: Cancellation): Promise<Session> => {
    const { model, options: weights } = compile(graph, target);
    return addon.createSession(device, model, { ...weights, threads, cancellation });
  };
  const preparePart = (graph: Graph) => {
    const { model, options: weights } = compile(graph, full);
    return () => addon.deferSession(device, model, { ...weights, threads });
  };
  const open = (graph: Graph): Promise<Session> => openAs(chosen, graph);
  // Built before any session is begun: what is wrong with a later graph leaves none behind.
  const graphs = stepGraphs(files);
  const stepGraph = stepAutoencoder && autoencoderGraphs(stepAutoencoder);
  const steps: [Target, Graph][] = [
    [chosen, graphs.unet],
    ...[graphs, ...(stepGraph ? [stepGraph] : [])].flatMap(({ encoder, decoder }): [Target, Graph][] => [
      [full, encoder],
      [full, decoder],
    ]),
  ];
  const sessions = await allOrNone(steps.map(([target, graph]) => openAs(target, graph, options.cancellation)));
  const [unet, ...coders] = sessions as [Session, ...Session[]];
  const networks: ReadNetwork[] = [unet];
  const framed = (network: Autoencoder, { encoder, decoder }: AutoencoderGraphs, [encoding, decoding]: readonly Session[]) => {
    const imageNetwork = (graph: Graph, whole: Session): ImageNetwork =>
      new ImageNetwork(addon, device, graph, { whole, preparePart, budget });
    const pair = { encoder: imageNetwork(encoder, encoding!), decoder: imageNetwork(decoder, decoding!) };
    networks.push(pair.encoder, pair.decoder);
    return new FramedAutoencoder(addon, { ...network, ...pair, multiple });
  };
  const autoencoder = framed(vae.network, graphs, coders);
  const other = stepAutoencoder && stepGraph && framed(stepAutoencoder.network, stepGraph, coders.slice(2));
  const stopWatching = options.onProgress && watchReading(networks, options.onProgress);
  return new LatentModel(addon, device, {
    family,
    nativeSize,
    alphaCumprod: (t) => schedule.alphaCumprod(t),
    unet,
    openReverse: async () => open(reverseGraph(files, chosen)),
    autoencoder,
    stepAutoencoder: other,
    stopWatching,
    promptEncoder: new PromptEncoder(
      addon,
      texts.map((text) => loadedTextEncoder(device, text, open)),
    ),
  });
}

function targetOf({ kind, name }: Device, precision: Precision): Target {
  const target = TARGETS[kind][precision];
  if (!target) throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected float32 for precision on ${name} but received ${precision}`);
  return target;
}

function loadedTextEncoder(device: Device, files: TextEncoderFiles, open: (graph: Graph) => Promise<Session>): LoadedTextEncoder {
  const { part, tokenizer, digest } = files;
  const { hidden_size: width, projection_dim: pooledWidth } = files.config;
  const outputs: Record<string, Shape> = {
    [part.states]: [1, tokenizer.maxLength, width],
    ...(part.isPooled && { text_embeds: [1, pooledWidth] }),
  };
  const encoder = new TextEncoder(device, tokenizer, outputs, async () => open(await textGraph(files)));
  return { part, encoder, width, digest, ...(part.isPooled && { pooledWidth }) };
}
