import type { Tensor } from '../device/addon.js';
import type { FramedAutoencoder } from './framed_autoencoder.js';
import type { Prior } from './prior.js';
import { PriorDecorator } from './prior_decorator.js';

/** A prior whose steps go through another autoencoder than the last one, such as TAESD: most of a step's time is the autoencoder's. */
export class StepPrior extends PriorDecorator {
  constructor(
    prior: Prior,
    private readonly autoencoder: FramedAutoencoder,
  ) {
    super(prior);
  }

  get forLastStep(): Prior {
    return this.prior;
  }

  override get noiseGain(): number {
    return this.autoencoder.noiseGain;
  }

  override encode(image: Tensor): Tensor {
    return this.autoencoder.encode(image);
  }

  override decode(latents: Tensor, height: number, width: number): Tensor {
    return this.autoencoder.decode(latents, height, width);
  }
}
