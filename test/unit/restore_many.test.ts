import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { denoising, type Image, type ManyInput, type RestoreManyOptions } from '../../src/index.js';
import { restoreMany } from '../../src/scheduling/restore_many.js';
import { withCode } from '../support/errors.js';
import { flat, StandInRestorer } from '../support/stand_in_restorer.js';

const options = { operator: denoising(), sigma: 0.1 };
const brightness = ({ data }: Image): number => Math.round(data[0]! * 1000);
const values = (count: number): Image[] => Array.from({ length: count }, (_, i) => flat(i / 1000));

async function valuesOf(restorer: StandInRestorer, inputs: Iterable<ManyInput>, more: RestoreManyOptions = {}): Promise<number[]> {
  const seen: number[] = [];
  for await (const { restored } of restoreMany(restorer, inputs, { ...options, ...more }))
    seen.push(restored ? brightness(restored.image) : -1);
  return seen;
}

describe('restoreMany', () => {
  it('keeps the order, whichever is done first', async () => {
    const restorer = new StandInRestorer();
    let first = (): void => undefined;
    restorer.gate = ([value]) => (value === 0 ? new Promise<void>((resolve) => (first = resolve)) : setImmediate());
    const seen = valuesOf(restorer, values(5));
    while (restorer.calls.length < 5) await setImmediate();
    first();
    expect(await seen).toEqual([0, 1, 2, 3, 4]);
  });

  it('gives them as they are done where order does not matter', async () => {
    const restorer = new StandInRestorer();
    let first = (): void => undefined;
    restorer.gate = ([value]) => (value === 0 ? new Promise<void>((resolve) => (first = resolve)) : setImmediate());
    const seen: number[] = [];
    for await (const { index } of restoreMany(restorer, values(5), { ...options, order: 'any' })) {
      seen.push(index);
      if (seen.length === 4) first();
    }
    // Which of the others is read first is up to the machine.
    expect(seen.toSorted()).toEqual([0, 1, 2, 3, 4]);
    expect(seen.at(-1)).toBe(0);
  });

  it('gives a failure with its input, and goes on', async () => {
    const inputs: ManyInput[] = [flat(0.001), flat(-1), 'there is no such file.png', { input: flat(0.002), sigma: 7 }, flat(0.003)];
    const results = [];
    for await (const result of restoreMany(new StandInRestorer(), inputs, options)) results.push(result);
    expect(results.map(({ input }) => input)).toEqual(inputs);
    expect(results.map(({ restored }) => restored && brightness(restored.image))).toEqual([1, undefined, undefined, undefined, 3]);
    expect(results.map(({ error }) => error)).toEqual([
      undefined,
      expect.objectContaining({ message: 'black' }),
      withCode('IMAGE', /no such file/),
      withCode('ARGUMENT', /\(0, 1\] for sigma but received 7/),
      undefined,
    ]);
  });

  it('solves images of one size and problem together, and alone where one of them fails', async () => {
    const restorer = new StandInRestorer(4);
    // Time enough to read those that wait meanwhile.
    restorer.gate = () => sleep(100);
    const other = denoising();
    const inputs: ManyInput[] = [
      ...values(6),
      flat(0.1, 32),
      { input: flat(0.2), operator: other },
      { input: flat(0.3), steps: 3 },
      flat(-1),
      flat(0.4),
    ];
    expect(await valuesOf(restorer, inputs)).toEqual([0, 1, 2, 3, 4, 5, 100, 200, 300, -1, 400]);
    const groups = restorer.calls.map(({ values: group }) => group.map((value) => Math.round(value * 1000)));
    expect(Math.max(...groups.map(({ length }) => length))).toBe(4);
    for (const odd of [100, 200, 300]) expect(groups).toContainEqual([odd]);
    // The one that fails was tried with others first.
    expect(groups.filter((group) => group.includes(-1000)).map(({ length }) => length > 1)).toEqual([true, false]);
  });

  it('takes inputs only as they can be worked on, and as results are taken', async () => {
    const restorer = new StandInRestorer();
    let taken = 0;
    function* endless(): Generator<Image> {
      for (;;) yield flat(taken++ / 1e6);
    }
    let seen = 0;
    for await (const _ of restoreMany(restorer, endless(), { ...options, concurrency: 2, together: 1 })) {
      for (let i = 0; i < 50; i++) await setImmediate();
      expect(taken - seen).toBeLessThanOrEqual(7);
      if (++seen === 30) break;
    }
    expect(restorer.most).toBeLessThanOrEqual(2);
  });

  it('holds few large results, however slowly they are taken', async () => {
    const restorer = new StandInRestorer();
    restorer.answer = flat(0, 200_000); // 38 MB
    const results = restoreMany(restorer, values(16), { ...options, order: 'any' });
    await results.next();
    await sleep(1000);
    expect(restorer.calls.length).toBeLessThan(9);
    let count = 1;
    for await (const _ of results) count++;
    expect(count).toBe(16);
  });

  it('stops what is under way when the caller leaves the loop, and closes the inputs', async () => {
    const restorer = new StandInRestorer();
    let isClosed = false;
    async function* inputs(): AsyncGenerator<Image> {
      try {
        for (;;) yield flat(0);
      } finally {
        isClosed = true;
      }
    }
    restorer.gate = () => (restorer.calls.length > 3 ? new Promise(() => undefined) : setImmediate());
    for await (const { index } of restoreMany(restorer, inputs(), options)) if (index === 2) break;
    expect(restorer.solving).toBe(0);
    expect(isClosed).toBe(true);
  });

  it('throws the reason of an abort, and what the inputs throw after what came before', async () => {
    const restorer = new StandInRestorer();
    restorer.gate = () => new Promise(() => undefined);
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const waiting = valuesOf(restorer, values(3), { signal: controller.signal });
    while (restorer.calls.length === 0) await setImmediate();
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(restorer.solving).toBe(0);

    function* broken(): Generator<Image> {
      yield* values(3);
      throw new Error('the list has a hole');
    }
    const seen: number[] = [];
    const all = async (): Promise<void> => {
      for await (const { index } of restoreMany(new StandInRestorer(), broken(), options)) seen.push(index);
    };
    await expect(all()).rejects.toThrow('the list has a hole');
    expect(seen).toEqual([0, 1, 2]);
  });
});
