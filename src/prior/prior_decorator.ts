import type { Device, PictureSize, Tensor } from '../device/addon.js';
import type { Conditioning } from './conditioning.js';
import type { Prior, PromptGradient, Window } from './prior.js';

/** A prior that leaves everything to another one: what it does otherwise a class of its own says. */
export abstract class PriorDecorator implements Prior {
  constructor(protected readonly prior: Prior) {}

  abstract readonly forLastStep: Prior;

  get device(): Device {
    return this.prior.device;
  }

  get nativeSize(): number {
    return this.prior.nativeSize;
  }

  get downscaling(): number {
    return this.prior.downscaling;
  }

  get noiseGain(): number {
    return this.prior.noiseGain;
  }

  alphaCumprod(t: number): number {
    return this.prior.alphaCumprod(t);
  }

  encode(image: Tensor): Tensor {
    return this.prior.encode(image);
  }

  decode(latents: Tensor, height: number, width: number): Tensor {
    return this.prior.decode(latents, height, width);
  }

  placeInputs(picture: PictureSize, window: Window): Readonly<Record<string, Tensor>> {
    return this.prior.placeInputs(picture, window);
  }

  predictNoise(z: Tensor, t: number, c: Conditioning): Tensor {
    return this.prior.predictNoise(z, t, c);
  }

  loadPromptGradient(): Promise<PromptGradient> {
    return this.prior.loadPromptGradient();
  }
}
