import { z } from 'zod';
import { DEFAULT_MODEL } from '../checkpoint/embedded_models.js';
import { LoadOptions, QueueOptions } from '../options.js';

const MIB = 2 ** 20;

/** Whom a service answers, and what it takes. */
export const ServiceOptions = z.strictObject({
  /** Asked for as `Authorization: Bearer <token>` by all but the page's files, /openapi.json and /healthz; at least 16 printable ones. */
  token: z.string().optional(),
  /** Restorations that may wait before more are refused with 429; 16 by default. */
  capacity: QueueOptions.shape.capacity.default(16),
  /** Restorations that run at a time; 2 by default, so that one is solved while another is sent and fetched. */
  concurrency: QueueOptions.shape.concurrency.default(2),
  /** Pixels that a picture may have, before and after its restoration; 4 million (2²²) by default. */
  maxPixels: z
    .int()
    .min(1)
    .default(4 * MIB),
  /** Bytes of an uploaded file; 20 MiB by default. */
  maxBytes: z
    .int()
    .min(1)
    .default(20 * MIB),
  /** Seconds that a restoration may run, once its turn has come; 300 by default. */
  maxSeconds: z.number().positive().max(86_400).default(300),
  /** Seconds that what runs has to be finished and fetched once the service is told to stop; 25 by default. */
  graceSeconds: z.number().min(0).max(86_400).default(25),
  /** Restorations that are kept when they have ended, the latest; 100 by default. */
  keep: z.int().min(1).default(100),
  /** Seconds that each of them is kept; an hour by default. */
  keepSeconds: z.number().positive().max(1_000_000).default(3600),
  /** What the model is called on the page and by /v1/model. */
  modelName: z.string().default(DEFAULT_MODEL),
  /** Told what went wrong inside, of which the client is told no more than that it did. */
  onFault: z.custom<(error: unknown) => void>((value) => typeof value === 'function', 'a function').optional(),
});
export type ServiceOptions = Readonly<z.input<typeof ServiceOptions>>;
export type ServiceSettings = Readonly<z.output<typeof ServiceOptions>>;

/** What a service tells whoever started it. */
export type ServiceEvent =
  | { readonly event: 'ready'; readonly url: string; readonly pid: number }
  /** What went wrong inside, of which the client is told no more than that it did. */
  | { readonly event: 'fault'; readonly message: string }
  | { readonly event: 'draining'; readonly waiting: number; readonly running: number };

export const ServeOptions = ServiceOptions.omit({ modelName: true, onFault: true }).extend({
  /** Which model, and how; as `Latino.load`. */
  model: LoadOptions.omit({ signal: true, onProgress: true }).optional(),
  /** `127.0.0.1` by default; any other that is not this machine's loopback needs a token. */
  host: z.string().min(1).default('127.0.0.1'),
  /** 8080 by default; 0 for one that is free. */
  port: z.int().min(0).max(65_535).default(8080),
  /** Ends the service in order. */
  signal: z.instanceof(AbortSignal, { error: 'an AbortSignal' }),
  onEvent: z.custom<(event: ServiceEvent) => void>((value) => typeof value === 'function', 'a function').optional(),
});
export type ServeOptions = Readonly<z.input<typeof ServeOptions>>;
