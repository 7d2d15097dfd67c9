import { PassThrough, type Readable } from 'node:stream';
import type { Image } from '../image/index.js';
import { Picture } from '../picture.js';
import type { Ticket } from './ticket.js';

/** Proxies close connections on which nothing is said for a minute. */
const HEARTBEAT_MS = 15_000;
/** Pixels: larger ones are made smaller. */
const PREVIEW_SIDE = 1024;

interface Preview {
  readonly step: number;
  readonly preview: Image;
}

/**
 * Server-Sent Events of a restoration: `state` at once, at each change and last when it has ended, `step`, and `preview`. Who is slow misses
 * previews, but never the newest.
 *
 * @param state what is told of it
 */
export function eventStream(ticket: Ticket, state: () => object): Readable {
  const stream = new PassThrough();
  const send = (event: string, data: object): boolean =>
    stream.writable && stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  let newest: Preview | undefined;
  let sending = Promise.resolve();
  const onState = async (): Promise<void> => {
    if (ticket.hasEnded) await sending;
    send('state', state());
    if (ticket.hasEnded) stream.end();
  };
  const onStep = (step: object): void => void send('step', step);
  const onPreview = (shown: Preview): void => {
    newest = shown;
    // One that cannot be made is missed.
    sending = sending.then(sendNewest).catch(() => undefined);
  };
  const sendNewest = async (): Promise<void> => {
    if (stream.writableNeedDrain) await new Promise<void>((resolve) => stream.once('drain', resolve).once('close', resolve));
    const shown = newest;
    newest = undefined;
    if (shown && stream.writable) await sendPreview(shown);
  };
  const sendPreview = async ({ step, preview }: Preview): Promise<void> => {
    const picture = (await new Picture(preview).toSharp()).resize(PREVIEW_SIDE, PREVIEW_SIDE, { fit: 'inside', withoutEnlargement: true });
    const bytes = await picture.jpeg().toBuffer();
    send('preview', { step, image: `data:image/jpeg;base64,${bytes.toString('base64')}` });
  };
  const heartbeat = setInterval(() => stream.write(':\n\n'), HEARTBEAT_MS).unref();
  const leave = (): void => {
    clearInterval(heartbeat);
    ticket.events.off('state', onState).off('step', onStep).off('preview', onPreview);
  };
  ticket.events.on('state', onState).on('step', onStep).on('preview', onPreview);
  stream.once('finish', leave).once('close', leave);
  void onState();
  return stream;
}
