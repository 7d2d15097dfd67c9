import { encodeSafetensors } from '../checkpoint/encode_safetensors.js';
import { openSafetensors, readTensorFloat32, type SafetensorsFile } from '../checkpoint/safetensors.js';
import type { Shape } from '../device/addon.js';
import { LatinoError } from '../errors.js';
import { elementCount } from '../graph/weights.js';
import { writeWhole } from '../output_file.js';

const TENSOR = 'prompt_embeds';
const POOLED = 'pooled_prompt_embeds';
const FORMAT = 'latino-native-embedding';
const VERSION = '1';

/** Where an embedding comes from; what is known of it. */
export interface EmbeddingSource {
  /** The prompt that it started from. */
  readonly prompt?: string;
  /** Class of the network that it conditions, such as UNet2DConditionModel. */
  readonly model?: string;
  /** Digest of the weights of the text encoder in whose space it lies; an embedding without one fits any model of its width. */
  readonly textEncoder?: string;
}

/** The text conditioning c of a model, on the host: what a prompt becomes, or what was calibrated from measurements. */
export class Embedding {
  /** [1, tokens, channels] */
  readonly shape: readonly [number, number, number];

  /**
   * @param data values of [1, tokens, channels], row-major
   * @param pooled values [channels] of the pooled embedding that SDXL's UNet takes besides
   * @throws LatinoError ERR_LATINO_EMBEDDING when the shape is of another kind, or not that of the data, or a value is not finite
   */
  constructor(
    readonly data: Float32Array,
    shape: Shape,
    readonly source: EmbeddingSource = {},
    readonly pooled?: Float32Array,
  ) {
    this.shape = requireShape(shape, 'The embedding');
    this.requireValues();
  }

  get tokens(): number {
    return this.shape[1];
  }

  get channels(): number {
    return this.shape[2];
  }

  /**
   * Writes a .safetensors file with the float32 tensor `prompt_embeds`, and `pooled_prompt_embeds` [1, channels] where there is one; the file
   * appears whole or not at all.
   *
   * @throws LatinoError ERR_LATINO_OUTPUT when the file cannot be written, ERR_LATINO_EMBEDDING when a value is no longer finite
   */
  async save(path: string): Promise<void> {
    this.requireValues();
    const { prompt, model, textEncoder } = this.source;
    const metadata = {
      format: FORMAT,
      version: VERSION,
      cross_attention_dim: String(this.channels),
      ...(prompt === undefined ? {} : { prompt }),
      ...(model === undefined ? {} : { model }),
      ...(textEncoder === undefined ? {} : { text_encoder: textEncoder }),
    };
    const { shape, data, pooled } = this;
    const tensors = { [TENSOR]: { shape, data }, ...(pooled && { [POOLED]: { shape: [1, pooled.length], data: pooled } }) };
    await writeWhole(path, encodeSafetensors(tensors, metadata));
  }

  /** @throws LatinoError ERR_LATINO_EMBEDDING when a value is not finite, or has become so */
  requireValues(): void {
    requireValues(this.data, this.shape, 'The embedding');
    if (this.pooled) requireValues(this.pooled, [this.pooled.length], 'The pooled embedding');
  }

  /**
   * Reads what `save` wrote, or any .safetensors file with a tensor `prompt_embeds` [1, tokens, channels], and perhaps `pooled_prompt_embeds`
   * [1, channels], of float32, float16 or bfloat16. Whether it fits a model is checked where it is used.
   *
   * @throws LatinoError ERR_LATINO_EMBEDDING when the file is missing, damaged, or holds no such tensor of finite values
   */
  static async load(path: string): Promise<Embedding> {
    const { tensors, otherDtypes, metadata } = await open(path);
    const { format, version, prompt, model, text_encoder: textEncoder } = metadata;
    if (format === FORMAT && version !== VERSION) fail(`${path} is an embedding of version ${version}, expected version ${VERSION}`);
    const info = tensors.get(TENSOR);
    if (!info) {
      const dtype = otherDtypes.get(TENSOR);
      return fail(
        dtype === undefined
          ? `${path} has no tensor ${TENSOR}, expected an embedding as --save-embedding writes it`
          : `${path} has ${TENSOR} of dtype ${dtype}, expected F32, F16 or BF16`,
      );
    }
    const shape = requireShape(info.shape, path);
    const data = await asEmbeddingError(readTensorFloat32(info));
    requireValues(data, shape, path);
    const pooledInfo = tensors.get(POOLED);
    const pooled = pooledInfo && (await asEmbeddingError(readTensorFloat32(pooledInfo)));
    if (pooled) requireValues(pooled, [elementCount(pooledInfo.shape)], `${POOLED} of ${path}`);
    return new Embedding(data, shape, { prompt, model, textEncoder }, pooled);
  }
}

/**
 * Throws unless an embedding can take the place of a prompt.
 *
 * @param expected [1, tokens, channels] of the model
 * @param pooledChannels of the pooled embedding, where the model's UNet takes one
 * @param textEncoder digest of the weights of the model's text encoder
 * @throws LatinoError ERR_LATINO_EMBEDDING when it has another shape, was made with another text encoder, or a value is no longer finite
 */
export function requireFit(embedding: Embedding, expected: Shape, pooledChannels?: number, textEncoder?: string): void {
  const { shape, pooled, source } = embedding;
  if (shape.some((size, axis) => size !== expected[axis]))
    fail(`The embedding has shape [${shape.join(', ')}], expected [${expected.join(', ')}] for this model`);
  if (pooledChannels !== undefined && pooled?.length !== pooledChannels)
    fail(`The embedding has ${pooled ? `a pooled one of ${pooled.length}` : 'no pooled one'}, expected one of ${pooledChannels} channels`);
  if (source.textEncoder !== undefined && source.textEncoder !== textEncoder)
    fail(`The embedding was made with the text encoder ${source.textEncoder}, expected ${textEncoder}, that of this model`);
  embedding.requireValues();
}

function open(path: string): Promise<SafetensorsFile> {
  return asEmbeddingError(openSafetensors(path));
}

/** The readers of model files say what is wrong with the file; the code says which file. */
async function asEmbeddingError<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw error instanceof LatinoError ? new LatinoError('ERR_LATINO_EMBEDDING', error.message, { cause: error }) : error;
  }
}

function requireShape(shape: Shape, what: string): [number, number, number] {
  const [batch, tokens, channels] = shape;
  const positive = shape.every((size) => Number.isSafeInteger(size) && size > 0);
  if (shape.length !== 3 || batch !== 1 || !positive)
    return fail(`${what} has shape [${shape.join(', ')}], expected [1, tokens, channels]`);
  return [1, tokens!, channels!];
}

function requireValues(data: Float32Array, shape: Shape, what: string): void {
  const count = elementCount(shape);
  if (!(data instanceof Float32Array) || data.length !== count)
    fail(`${what} has ${data?.length} values, expected ${count} for shape [${shape.join(', ')}] in a Float32Array`);
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) fail(`${what} has the value ${data[bad]} at element ${bad}, expected finite numbers`);
}

function fail(message: string): never {
  throw new LatinoError('ERR_LATINO_EMBEDDING', message);
}
