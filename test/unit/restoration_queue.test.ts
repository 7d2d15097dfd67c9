import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { denoising, RestorationQueue, readImage } from '../../src/index.js';
import { withCode } from '../support/errors.js';
import { flat, StandInRestorer } from '../support/stand_in_restorer.js';

const options = { operator: denoising(), sigma: 0.1 };
const settled = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => error,
  );

describe('a queue', () => {
  it('says what waits and what runs, and refuses more than it takes', async () => {
    const restorer = new StandInRestorer();
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    restorer.gate = () => gate;
    const queue = new RestorationQueue(restorer, { concurrency: 2, capacity: 3 });
    const work = [1, 2, 3].map(() => queue.restore(flat(0), options));
    while (queue.running < 2) await setImmediate();
    work.push(queue.restore(flat(0), options), queue.restore(flat(0), options));
    expect([queue.waiting, queue.running]).toEqual([3, 2]);
    await expect(queue.restore(flat(0), options)).rejects.toEqual(withCode('BUSY', /fewer than 3 waiting images/));
    open();
    await Promise.all(work);
    await setImmediate();
    expect([queue.waiting, queue.running, restorer.most]).toEqual([0, 0, 2]);
  });

  it('lets go of what is aborted: one that waits, one that runs, one of several that are solved together', async () => {
    const restorer = new StandInRestorer(3);
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    restorer.gate = () => gate;
    const queue = new RestorationQueue(restorer, { concurrency: 1 });
    const controllers = Array.from({ length: 5 }, () => new AbortController());
    const restore = ({ signal }: AbortController, i: number) => settled(queue.restore(flat(i / 1000), { ...options, signal }));
    // Before the others are there, which it would be solved with if they had been read by then.
    const work = [restore(controllers[0]!, 0)];
    while (queue.running === 0) await setImmediate();
    for (const [i, controller] of controllers.entries()) if (i > 0) work.push(restore(controller, i));
    // Those that wait have been read once others, which are read after them, have.
    for (let i = 0; i < 4; i++) await Promise.all([1, 2, 3].map((value) => readImage(flat(value / 1000), { channels: 3 })));
    controllers[0]!.abort('running');
    controllers[4]!.abort('waiting');
    expect(await work[0]).toBe('running');
    expect(await work[4]).toBe('waiting');
    while (restorer.calls.length < 2) await setImmediate();
    expect(restorer.calls.map(({ values }) => values.length)).toEqual([1, 3]);
    controllers[2]!.abort('one of three');
    expect(await work[2]).toBe('one of three');
    expect(restorer.calls[1]!.options.signal!.aborted).toBe(false);
    open();
    expect(await Promise.all([work[1], work[3]])).toEqual(['done', 'done']);
    expect(queue.waiting).toBe(0);
  });

  it('lets many share a signal, which Node would take for a leak', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    const queue = new RestorationQueue(new StandInRestorer());
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 20 }, () => queue.restore(flat(0), { ...options, signal })));
    await setImmediate();
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('checks options at once', async () => {
    const queue = new RestorationQueue(new StandInRestorer());
    await expect(queue.restore(flat(0), { ...options, sigma: 2 })).rejects.toEqual(withCode('ARGUMENT', /sigma/));
    expect(() => new RestorationQueue(new StandInRestorer(), { concurrency: 0 })).toThrow(withCode('ARGUMENT', /concurrency/));
  });

  it('tells who listens when each begins and ends', async () => {
    const seen: string[] = [];
    const names = ['start', 'end', 'error'].map((name) => `latino-native:restoration:${name}`);
    const listen = (message: unknown, name: string | symbol): void => {
      const { id, waitedSeconds } = message as { id: number; waitedSeconds: number };
      expect(waitedSeconds).toBeGreaterThanOrEqual(0);
      seen.push(`${String(name).split(':')[2]} ${id - first}`);
      Object.assign(last, message);
    };
    let first = 0;
    const last: Record<string, unknown> = {};
    const once = (message: unknown): void => {
      first = (message as { id: number }).id;
      unsubscribe(names[0]!, once);
    };
    subscribe(names[0]!, once);
    for (const name of names) subscribe(name, listen);
    const queue = new RestorationQueue(new StandInRestorer(), { concurrency: 1 });
    await queue.restore(flat(0), options);
    expect(last).toMatchObject({ operator: options.operator, width: 16, height: 16, together: 1 });
    await settled(queue.restore(flat(-1), options));
    await settled(queue.restore('there is no such file.png', options));
    for (const name of names) unsubscribe(name, listen);
    expect(seen).toEqual(['start 0', 'end 0', 'start 1', 'error 1', 'start 2', 'error 2']);
    expect(last.error).toEqual(withCode('IMAGE'));
  });
});
