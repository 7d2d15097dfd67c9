import type { CLIPTokenizer } from '../checkpoint/tokenizer.js';
import type { Device, Session, Shape, Tensor } from '../device/addon.js';

/** A text encoder is needed once a prompt: this long after the last one its memory is given back. */
const IDLE_MILLISECONDS = 2000;

/** A tokenizer and its network, in one session for however many prompts are encoded at once, which is open only while there are any. */
export class TextEncoder<Output extends string = string> {
  private session?: Promise<Session>;
  private users = 0;
  private idle?: NodeJS.Timeout;

  constructor(
    private readonly device: Device,
    readonly tokenizer: CLIPTokenizer,
    /** What is wanted of a prompt, with its shape. */
    private readonly outputs: Readonly<Record<Output, Shape>>,
    private readonly open: () => Promise<Session>,
  ) {}

  /** The outputs for a prompt; the caller disposes them. */
  async encode(prompt: string): Promise<Record<Output, Tensor>> {
    const session = await this.acquire();
    try {
      using ids = this.device.upload(this.tokenizer.encode(prompt), [1, this.tokenizer.maxLength]);
      return session.run({ input_ids: ids }, this.outputs);
    } finally {
      this.release();
    }
  }

  async dispose(): Promise<void> {
    clearTimeout(this.idle);
    const session = this.session;
    this.session = undefined;
    (await session?.catch(() => undefined))?.dispose();
  }

  private async acquire(): Promise<Session> {
    this.users++;
    clearTimeout(this.idle);
    this.session ??= this.open();
    try {
      return await this.session;
    } catch (error) {
      this.session = undefined;
      this.release();
      throw error;
    }
  }

  private release(): void {
    this.users--;
    if (this.users > 0) return;
    this.idle = setTimeout(() => void this.dispose(), IDLE_MILLISECONDS);
    this.idle.unref(); // a process that has nothing else to do may end
  }
}
