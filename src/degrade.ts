import type { Addon, Device } from './device/addon.js';
import { interruptible, unlessAborted } from './device/interruptible.js';
import { loadAddon } from './device/load.js';
import { type ImageInput, readImage } from './image/index.js';
import { buildOperator, checkOperator, operatorTraits } from './operators/index.js';
import { DegradeOptions, readingOf } from './options.js';
import { Picture } from './picture.js';
import { downloadImages } from './restoration.js';
import { parseOptions } from './schema.js';

/**
 * A measurement y = A x + noise with x in [-1, 1] and noise of 2 sigma there, on a device; needs no model.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT, ERR_LATINO_IMAGE, ERR_LATINO_OPERATOR, ERR_LATINO_SHAPE; the signal's reason on abort
 */
export async function degradeOn(addon: Addon, device: Device, input: ImageInput, options: DegradeOptions): Promise<Picture> {
  const {
    sigma,
    seed = 0,
    signal: stop,
    ...rest
  } = parseOptions(DegradeOptions, options, { code: 'ERR_LATINO_ARGUMENT', what: 'options of degrade' });
  const descriptor = checkOperator(options.operator);
  return interruptible(addon, [stop], async ({ signal, cancellation }) => {
    const image = await unlessAborted(signal, readImage(input, { ...readingOf(rest), channels: 3, signal }));
    using operator = buildOperator(addon, device, descriptor, image);
    using x = device.upload(image.data, [1, 3, image.height, image.width], cancellation);
    using clean = operator.forward(x);
    using noise = device.randn(clean.shape, seed, 0);
    using noisy = addon.linearCombination(1, clean, 2 * sigma, noise);
    // Noise of unseen pixels is no part of a measurement.
    using y = operatorTraits(descriptor).hidesPixels ? operator.forward(noisy) : undefined;
    const [measurement] = await downloadImages(addon, y ?? noisy);
    return new Picture({ ...measurement!, ...(image.metadata && { metadata: image.metadata }) });
  });
}

/**
 * A measurement y = A x + noise of an image, on the CPU: what `Latino.degrade` makes, without a model.
 *
 * @throws LatinoError as `Latino.degrade` does; ERR_LATINO_ADDON when the native addon cannot be loaded
 */
export async function degrade(input: ImageInput, options: DegradeOptions): Promise<Picture> {
  const addon = loadAddon();
  return degradeOn(addon, addon.openDevice('cpu'), input, options);
}
