import type { Tensor } from '../device/addon.js';

/** What the prior is told of the images: the text, and whatever else its family's UNet takes. The tensors are on the prior's device. */
export class Conditioning implements Disposable {
  constructor(
    /** c [N, tokens, channels]: what the UNet attends to. LATINO-PRO moves this part and no other. */
    readonly promptEmbeds: Tensor,
    /** Further inputs of the UNet by name, [N, ...] each, such as SDXL's pooled embedding. */
    readonly added: Readonly<Record<string, Tensor>> = {},
  ) {}

  /** Another text under the same further inputs, which stay this one's. */
  withPromptEmbeds(promptEmbeds: Tensor): Conditioning {
    return new Conditioning(promptEmbeds, this.added);
  }

  /** What `make` makes of each tensor. */
  map(make: (tensor: Tensor) => Tensor): Conditioning {
    const added = Object.entries(this.added).map(([name, tensor]) => [name, make(tensor)] as const);
    return new Conditioning(make(this.promptEmbeds), Object.fromEntries(added));
  }

  /** Resolves when all has been computed; rejects with the error of the work that failed. */
  async ready(): Promise<void> {
    await Promise.all(this.tensors().map((tensor) => tensor.ready()));
  }

  dispose(): void {
    for (const tensor of this.tensors()) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private tensors(): Tensor[] {
    return [this.promptEmbeds, ...Object.values(this.added)];
  }
}
