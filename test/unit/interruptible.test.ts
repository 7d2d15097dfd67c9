import { describe, expect, it, vi } from 'vitest';
import { interruptible, unlessAborted } from '../../src/device/interruptible.js';
import { loadAddon } from '../../src/device/load.js';
import { DEVICE } from '../support/device.js';

const addon = loadAddon(DEVICE);
const never = new Promise<never>(() => undefined);

describe('interruptible work', () => {
  it('gives what the work gives, and leaves nothing on the signal', async () => {
    const { signal } = new AbortController();
    const [added, removed] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
    await expect(interruptible(addon, [signal, undefined], async () => 7)).resolves.toBe(7);
    expect(added).toHaveBeenCalledTimes(1);
    expect(removed).toHaveBeenCalledTimes(1);
  });

  it('may run many times over on one signal, which Node would take for a leak', async () => {
    const { signal } = new AbortController();
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    let end!: (value: unknown) => void;
    const ended = new Promise((resolve) => {
      end = resolve;
    });
    const works = Array.from({ length: 20 }, () => interruptible(addon, [signal], () => ended));
    process.emitWarning('the last of them');
    await vi.waitFor(() => expect(warnings.at(-1)?.message).toBe('the last of them'));
    end(1);
    await Promise.all(works);
    process.off('warning', note);
    expect(warnings).toHaveLength(1);
  });

  it('does not begin once a signal has aborted', async () => {
    const work = vi.fn();
    await expect(interruptible(addon, [AbortSignal.abort('stop')], work)).rejects.toBe('stop');
    expect(work).not.toHaveBeenCalled();
  });

  it("cancels what was uploaded, and throws the signal's reason whatever the work fails with", async () => {
    const device = addon.openDevice(DEVICE);
    const [first, second] = [new AbortController(), new AbortController()];
    const work = interruptible(addon, [first.signal, second.signal], async ({ signal, cancellation }) => {
      using x = device.upload(new Float32Array(1 << 20), [1 << 20], cancellation);
      second.abort(new Error('enough'));
      expect(signal.aborted).toBe(true);
      using y = addon.clip(x, -1, 1);
      await expect(y.ready()).rejects.toMatchObject({ code: 'ERR_LATINO_CANCELLED' });
      await y.ready();
    });
    await expect(work).rejects.toThrow('enough');
  });

  it('throws an error of the work where nobody aborted', async () => {
    const { signal } = new AbortController();
    const work = interruptible(addon, [signal], async () => {
      throw new Error('of its own');
    });
    await expect(work).rejects.toThrow('of its own');
  });
});

describe('waiting unless aborted', () => {
  it('gives what the promise gives, or throws what it throws', async () => {
    const { signal } = new AbortController();
    await expect(unlessAborted(signal, Promise.resolve(3))).resolves.toBe(3);
    await expect(unlessAborted(signal, Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  });

  it('does not wait after an abort, before or during', async () => {
    await expect(unlessAborted(AbortSignal.abort('early'), never)).rejects.toBe('early');
    const controller = new AbortController();
    const waiting = unlessAborted(controller.signal, never);
    controller.abort('late');
    await expect(waiting).rejects.toBe('late');
  });

  it('is told of an abort in the very moment in which the value comes', async () => {
    // Between two microtasks, wherever they are: the listener may be gone, and the value not yet given.
    for (let moment = 0; moment < 8; moment++) {
      const controller = new AbortController();
      const waiting = unlessAborted(controller.signal, Promise.resolve('value')).catch((reason: unknown) => reason);
      for (let i = 0; i < moment; i++) await undefined;
      controller.abort('gone');
      expect(['value', 'gone']).toContain(await waiting);
    }
  });

  it('hands over what comes after all', async () => {
    const controller = new AbortController();
    const { promise, resolve } = withResolvers<string>();
    const abandon = vi.fn();
    const waiting = unlessAborted(controller.signal, promise, abandon);
    controller.abort('gone');
    await expect(waiting).rejects.toBe('gone');
    resolve('tensor');
    await promise;
    await Promise.resolve();
    await new Promise(setImmediate);
    expect(abandon).toHaveBeenCalledExactlyOnceWith('tensor');
  });
});

/** Node 20 has no Promise.withResolvers. */
function withResolvers<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
