import type { Device, Tensor } from '../device/addon.js';
import type { Conditioning } from './conditioning.js';
import type { FramedAutoencoder } from './framed_autoencoder.js';
import type { Prior, PromptGradient } from './prior.js';

/** A prior whose steps go through another autoencoder than the last one, such as TAESD: most of a step's time is the autoencoder's. */
export class StepPrior implements Prior {
  constructor(
    private readonly prior: Prior,
    private readonly autoencoder: FramedAutoencoder,
  ) {}

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
    return this.autoencoder.noiseGain;
  }

  get forLastStep(): Prior {
    return this.prior;
  }

  alphaCumprod(t: number): number {
    return this.prior.alphaCumprod(t);
  }

  encode(image: Tensor): Tensor {
    return this.autoencoder.encode(image);
  }

  decode(latents: Tensor, height: number, width: number): Tensor {
    return this.autoencoder.decode(latents, height, width);
  }

  predictNoise(z: Tensor, t: number, c: Conditioning): Tensor {
    return this.prior.predictNoise(z, t, c);
  }

  placeInputs: Prior['placeInputs'] = (picture, window) => this.prior.placeInputs(picture, window);

  loadPromptGradient(): Promise<PromptGradient> {
    return this.prior.loadPromptGradient();
  }
}
