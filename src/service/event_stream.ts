import { PassThrough, type Readable } from 'node:stream';
import { Restoration } from '../restoration.js';
import type { Ticket } from './ticket.js';

/** Proxies close connections on which nothing is said for a minute. */
const HEARTBEAT_MS = 15_000;

/**
 * Server-Sent Events of a restoration: `state` at once, at each change and last when it has ended, `step`, and `preview`. A reader who is slow
 * misses previews.
 *
 * @param state what is told of it
 */
export function eventStream(ticket: Ticket, state: () => object): Readable {
  const stream = new PassThrough();
  const send = (event: string, data: object): boolean => stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  let isEncoding = false;
  const onState = (): void => {
    send('state', state());
    if (ticket.hasEnded) stream.end();
  };
  const onStep = (step: object): void => void send('step', step);
  const onPreview = ({ step, preview }: { step: number; preview: Restoration['image'] }): void => {
    if (isEncoding || stream.writableNeedDrain) return;
    isEncoding = true;
    void new Restoration(preview)
      .toBuffer('jpeg')
      .then((bytes) => {
        if (stream.writable) send('preview', { step, image: `data:image/jpeg;base64,${bytes.toString('base64')}` });
      })
      .finally(() => {
        isEncoding = false;
      });
  };
  const heartbeat = setInterval(() => stream.write(':\n\n'), HEARTBEAT_MS).unref();
  const leave = (): void => {
    clearInterval(heartbeat);
    ticket.events.off('state', onState).off('step', onStep).off('preview', onPreview);
  };
  ticket.events.on('state', onState).on('step', onStep).on('preview', onPreview);
  stream.once('finish', leave).once('close', leave);
  onState();
  return stream;
}
