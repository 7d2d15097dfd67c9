import { ServiceError } from './service_error.js';

/** A bounded number of things at a time: who finds all places taken is told to come again. */
export class Places {
  private taken = 0;

  constructor(
    private readonly count: number,
    private readonly what: string,
  ) {}

  /** @throws ServiceError ERR_LATINO_BUSY when there is none left */
  take(): Disposable {
    if (this.taken >= this.count)
      throw new ServiceError('ERR_LATINO_BUSY', `Expected fewer than ${this.count} ${this.what} at a time; ask again soon`, {
        retryAfter: 1,
      });
    this.taken++;
    return { [Symbol.dispose]: () => void this.taken-- };
  }
}
