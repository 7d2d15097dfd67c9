import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../src/checkpoint/encode_safetensors.js';
import { type FolderWeights, openWeights } from '../../src/checkpoint/weights_folder.js';
import { AUTOENCODERS } from '../../src/networks/autoencoder.js';
import { relativeError } from '../support/compare.js';
import type { Stored } from '../support/safetensors.js';
import { openNetwork } from '../support/session.js';

const [CHANNELS, SIZE, SCALE] = [12, 2, 2];
const CONFIG = { in_channels: 3, out_channels: 3, latent_channels: CHANNELS, patch_size: SIZE, scaling_factor: SCALE };
const MEAN = Float32Array.of(-0.1, 0.05, 0.2);

/** The discrete cosine transform of 12 numbers: an orthonormal map. */
const BASIS = Float32Array.from({ length: CHANNELS * CHANNELS }, (_, index) => {
  const [k, n] = [Math.floor(index / CHANNELS), index % CHANNELS];
  return Math.sqrt((k === 0 ? 1 : 2) / CHANNELS) * Math.cos((Math.PI * k * (n + 0.5)) / CHANNELS);
});

describe('AutoencoderLinear', () => {
  let folder: string;
  let weights: FolderWeights;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latino-linear-'));
    const weight = { shape: [CHANNELS, 3, SIZE, SIZE] as const, data: BASIS };
    const bias = Float32Array.from({ length: CHANNELS }, (_, k) => {
      return -BASIS.subarray(k * CHANNELS, (k + 1) * CHANNELS).reduce((sum, b, n) => sum + b * MEAN[Math.floor(n / SIZE ** 2)]!, 0);
    });
    const tensors = {
      'encoder.weight': weight,
      'encoder.bias': { shape: [CHANNELS], data: bias },
      'decoder.weight': weight,
      'decoder.bias': { shape: [3], data: MEAN },
    };
    await writeFile(join(folder, 'diffusion_pytorch_model.safetensors'), encodeSafetensors(tensors));
    weights = await openWeights(folder);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const image: Stored = { shape: [2, 3, 4, 6], data: Float32Array.from({ length: 144 }, (_, i) => Math.sin(0.7 * i)) };
  const latents: Stored = { shape: [2, CHANNELS, 2, 3], data: new Float32Array(144) };

  it('maps the numbers of a patch', async () => {
    const autoencoder = AUTOENCODERS.AutoencoderLinear!(CONFIG);
    expect(autoencoder).toMatchObject({ latentChannels: CHANNELS, downscaling: SIZE });
    const encode = await openNetwork(autoencoder.encoder(weights));
    const got = (await encode({ image }, { latents })).latents!;
    encode.dispose();
    // The patch in row 1, column 2 of the second image.
    const pixel = (n: number) => {
      const [channel, row, column] = [Math.floor(n / 4), 2 + (Math.floor(n / 2) % 2), 4 + (n % 2)];
      return (image.data as Float32Array)[((3 + channel) * 4 + row) * 6 + column]! - MEAN[channel]!;
    };
    for (let k = 0; k < CHANNELS; k++) {
      const expected = SCALE * BASIS.subarray(k * CHANNELS, (k + 1) * CHANNELS).reduce((sum, b, n) => sum + b * pixel(n), 0);
      expect((got.data as Float32Array)[(CHANNELS + k) * 6 + 5]).toBeCloseTo(expected, 5);
    }
  });

  it('loses nothing where the map is orthonormal', async () => {
    const autoencoder = AUTOENCODERS.AutoencoderLinear!(CONFIG);
    const [encode, decode] = [await openNetwork(autoencoder.encoder(weights)), await openNetwork(autoencoder.decoder(weights))];
    const z = (await encode({ image }, { latents })).latents!;
    expect(relativeError((await decode({ latents: z }, { image })).image!, image)).toBeLessThan(1e-6);
    encode.dispose();
    decode.dispose();
  });

  it('says what is not supported', () => {
    expect(() => AUTOENCODERS.AutoencoderLinear!({ ...CONFIG, in_channels: 1 })).toThrow(
      expect.objectContaining({ code: 'ERR_LATINO_MODEL' }),
    );
  });
});
