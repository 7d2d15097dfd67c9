import type { Tensor } from '../device/addon.js';

/** What the prior is told of the images: the text, and whatever else its family's UNet takes. The tensors are on the prior's device. */
export class Conditioning implements Disposable {
  constructor(
    /** c [N, tokens, channels]: what the UNet attends to. LATINO-PRO moves this part and no other. */
    readonly promptEmbeds: Tensor,
    /** Further inputs of the UNet by name, [N, ...] each, such as SDXL's pooled embedding and time ids. */
    readonly added: Readonly<Record<string, Tensor>> = {},
  ) {}

  /** Another text under the same further inputs, which stay this one's. */
  withPromptEmbeds(promptEmbeds: Tensor): Conditioning {
    return new Conditioning(promptEmbeds, this.added);
  }

  [Symbol.dispose](): void {
    for (const tensor of [this.promptEmbeds, ...Object.values(this.added)]) tensor.dispose();
  }
}
