import { basename, isAbsolute } from 'node:path';
import { DEFAULT_MODEL } from '../checkpoint/embedded_models.js';
import { LatinoError } from '../errors.js';
import { Latino } from '../latino.js';
import { parseOptions } from '../schema.js';
import { requireSafeHost, requireToken } from './guard.js';
import { ServeOptions } from './options.js';
import { createService } from './service.js';

/**
 * Loads a model and answers requests for restorations until the signal says to stop; what runs then is finished first.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT, also when a token is missing; ERR_LATINO_SERVICE when it cannot listen; what `Latino.load` throws
 */
export async function serve(options: ServeOptions): Promise<void> {
  const parsed = parseOptions(ServeOptions, options, { code: 'ERR_LATINO_ARGUMENT', what: 'options of serve' });
  const { model = {}, host, port, signal, onEvent, ...settings } = parsed;
  requireToken(settings.token);
  requireSafeHost(host, settings.token);
  await using latino = await Latino.load({ ...model, signal });
  const onFault = (error: unknown): void => onEvent?.({ event: 'fault', message: error instanceof Error ? error.message : String(error) });
  await using service = await createService(latino, { ...settings, modelName: nameOf(model.model), onFault });
  const url = await service.app.listen({ host, port }).catch((cause: NodeJS.ErrnoException) => {
    throw new LatinoError('ERR_LATINO_SERVICE', `Cannot listen on ${host}:${port}: ${REASONS[cause.code ?? ''] ?? cause.message}`, {
      cause,
    });
  });
  onEvent?.({ event: 'ready', url, pid: process.pid });
  await aborted(signal);
  const { waiting, running } = service.restorations;
  onEvent?.({ event: 'draining', waiting, running });
  await service.drain();
}

/** What a model is called: where its folder is concerns nobody else. */
const nameOf = (model = DEFAULT_MODEL): string => (isAbsolute(model) || model.startsWith('.') ? basename(model) : model);

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program does',
  EACCES: 'there is no permission to',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
};

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
