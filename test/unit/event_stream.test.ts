import { describe, expect, it } from 'vitest';
import type { Image } from '../../src/index.js';
import { eventStream } from '../../src/service/event_stream.js';
import { type Order, Ticket } from '../../src/service/ticket.js';

const STEPS = 9;
/** Bytes that nobody has read from which on a stream says that it is full. */
const FULL = 16_384;
const order = { form: { task: 'denoise', steps: STEPS }, defaults: { prompt: '', steps: STEPS } } as Order;

/** Of noise, which no encoder makes small. */
function pictureOf(side: number): Image {
  let state = 1;
  const data = Float32Array.from({ length: 3 * side * side }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state / 2_147_483_647) * 2 - 1;
  });
  return { width: side, height: side, channels: 3, data };
}

async function read(stream: AsyncIterable<Buffer>): Promise<{ event: string; step: number; state?: string }[]> {
  let text = '';
  for await (const chunk of stream) text += chunk.toString();
  return [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, event, data]) => ({
    event: event!,
    ...(JSON.parse(data!) as { step: number }),
  }));
}

describe('the events of a restoration', () => {
  const open = (): { ticket: Ticket; stream: ReturnType<typeof eventStream> } => {
    const ticket = new Ticket(order);
    return { ticket, stream: eventStream(ticket, () => ({ state: ticket.state, step: ticket.step })) };
  };

  it('have the newest preview, before the state at the end, however fast the steps come', async () => {
    const { ticket, stream } = open();
    ticket.begin();
    for (let step = 1; step <= 3; step++) ticket.advance(step, STEPS, pictureOf(8));
    ticket.finish('done', {});
    const events = await read(stream);
    expect(events.map(({ event, step, state }) => state ?? `${event} ${step}`)).toEqual([
      ...['waiting', 'running', 'step 1', 'step 2', 'step 3', 'preview 3', 'done'],
    ]);
  });

  it('wait with previews until they are read, and go on with the newest', async () => {
    const { ticket, stream } = open();
    ticket.advance(1, STEPS, pictureOf(512));
    await expect.poll(() => stream.readableLength).toBeGreaterThan(FULL);
    for (let step = 2; step <= 5; step++) ticket.advance(step, STEPS, pictureOf(8));
    ticket.finish('stopped', {});
    const events = await read(stream);
    expect(events.filter(({ event }) => event === 'preview').map(({ step }) => step)).toEqual([1, 5]);
    expect(events.at(-1)).toMatchObject({ state: 'stopped' });
  });

  it('end with nobody left to read them', async () => {
    const { ticket, stream } = open();
    ticket.advance(1, STEPS, pictureOf(512));
    await expect.poll(() => stream.readableLength).toBeGreaterThan(FULL);
    ticket.advance(2, STEPS, pictureOf(8));
    stream.destroy();
    ticket.finish('stopped', {});
    await expect.poll(() => ticket.events.listenerCount('preview')).toBe(0);
  });
});
