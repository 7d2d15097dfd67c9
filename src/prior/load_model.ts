import type { Addon, Cancellation, Device, Session, Shape } from '../device/addon.js';
import { compile } from '../graph/compile.js';
import type { Graph } from '../graph/graph.js';
import { cpu } from '../graph/targets/cpu/cpu.js';
import { unetVjpGraph } from '../networks/unet2d_condition.js';
import { allOrNone } from './all_or_none.js';
import { LatentModel } from './latent_model.js';
import { type LoadedTextEncoder, PromptEncoder } from './prompt_encoder.js';
import { type ModelSource, readModel, stepGraphs, type TextEncoderFiles, textGraph } from './read_model.js';
import { TextEncoder } from './text_encoder.js';

export interface ModelOptions extends ModelSource {
  /** CPU threads; every core by default. */
  readonly threads?: number;
  /** Stops the load. */
  readonly cancellation?: Cancellation;
}

/**
 * Loads a diffusers folder as a prior.
 *
 * @throws LatinoError as `readModel` and `stepGraphs` do; ERR_LATINO_CANCELLED
 */
export async function loadModel(addon: Addon, device: Device, folder: string, options: ModelOptions = {}): Promise<LatentModel> {
  const files = await readModel(folder, options);
  const { family, schedule, unet, vae, texts, guidance, nativeSize, multiple } = files;
  const open = async (graph: Graph, cancellation?: Cancellation): Promise<Session> => {
    const { model, options: weights } = compile(graph, cpu);
    return addon.createSession(device, model, { ...weights, threads: options.threads, cancellation });
  };
  // Built before any session is begun: what is wrong with a later graph leaves none behind.
  const graphs = stepGraphs(files);
  const sessions = await allOrNone([graphs.unet, graphs.encoder, graphs.decoder].map((graph) => open(graph, options.cancellation)));
  const [predictor, encoder, decoder] = sessions as [Session, Session, Session];
  return new LatentModel(addon, device, {
    family,
    nativeSize,
    alphaCumprod: (t) => schedule.alphaCumprod(t),
    unet: predictor,
    openReverse: async () => open(unetVjpGraph(unet.config, unet.weights, { wrt: ['encoder_hidden_states'], guidance })),
    encoder,
    decoder,
    latentChannels: vae.network.latentChannels,
    downscaling: vae.network.downscaling,
    multiple,
    promptEncoder: new PromptEncoder(
      addon,
      texts.map((text) => loadedTextEncoder(device, text, open)),
    ),
  });
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
