import multipart from '@fastify/multipart';
import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance } from 'fastify';
import type { Latino } from '../latino.js';
import { packageVersion } from '../package_version.js';
import { parseOptions } from '../schema.js';
import type { Context } from './context.js';
import { addGuard, requireToken } from './guard.js';
import { Metrics } from './metrics.js';
import { ServiceOptions, type ServiceSettings } from './options.js';
import { Places } from './places.js';
import { Restorations } from './restorations.js';
import { addAboutRoutes } from './routes/about.js';
import { addPage } from './routes/page.js';
import { addPictureRoutes } from './routes/pictures.js';
import { addRestorationRoutes } from './routes/restorations.js';
import { ScratchFolder } from './scratch_folder.js';
import { answerTo, ServiceError } from './service_error.js';

/** Forms that are received at a time. */
const UPLOADS = 64;
/** Pictures that are worked on outside the queue at a time. */
const QUICK = 4;
/** Within which a request must have come in whole. */
const REQUEST_MS = 120_000;
/** Which connections have to end once nothing runs any more. */
const FAREWELL_MS = 1_000;
/** What a form has beside its files. */
const FORM_BYTES = 65_536;

/** The HTTP interface of a loaded model. */
export interface Service extends AsyncDisposable {
  /** To listen with, or to send requests to (`inject`). */
  readonly app: FastifyInstance;
  readonly restorations: Pick<Restorations, 'waiting' | 'running' | 'draining'>;
  /** Takes no more restorations, lets those that run be finished and fetched within the grace time, and closes. */
  drain(): Promise<void>;
}

/**
 * Makes the HTTP interface of a model, which it neither loads nor disposes. Listening is the caller's: `service.app.listen({ port })`.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT when an option is of another kind
 */
export async function createService(latino: Latino, options: ServiceOptions = {}): Promise<Service> {
  const settings = parseOptions(ServiceOptions, options, { code: 'ERR_LATINO_ARGUMENT', what: 'options of a service' });
  requireToken(settings.token);
  const folder = await ScratchFolder.open();
  const metrics = new Metrics(() => restorations);
  const restorations = new Restorations(latino, folder, settings, (ticket) => metrics.count(ticket));
  const uploads = new Places(UPLOADS, 'uploads');
  const quick = new Places(QUICK, 'pictures');
  const context: Context = { latino, restorations, folder, settings, uploads, quick };

  const app = fastify({ requestTimeout: REQUEST_MS, bodyLimit: FORM_BYTES, forceCloseConnections: 'idle' });
  // What comes in is checked where it is read, by the schemas that the description is made of.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  addGuard(app, settings.token);
  addLimit(app, settings);
  addErrors(app, settings);
  metrics.watch(app);
  await app.register(multipart);
  await app.register(swagger, { openapi: describe(settings) });
  addRestorationRoutes(app, context);
  addPictureRoutes(app, context);
  addAboutRoutes(app, context, metrics);
  await addPage(app);

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    // Answers are finished; whoever is still sending then is not waited for.
    const slow = setTimeout(() => app.server.closeAllConnections(), FAREWELL_MS);
    await app.close();
    clearTimeout(slow);
    await restorations[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  const end = (): Promise<void> => {
    closing ??= close();
    return closing;
  };
  return {
    app,
    restorations,
    drain: async () => {
      await restorations.drain(settings.graceSeconds);
      await end();
    },
    [Symbol.asyncDispose]: end,
  };
}

/** Refuses what says itself that it is too long. */
function addLimit(app: FastifyInstance, { maxBytes }: ServiceSettings): void {
  const most = 2 * maxBytes + FORM_BYTES;
  app.addHook('onRequest', async ({ headers }) => {
    if (Number(headers['content-length'] ?? 0) > most)
      throw new ServiceError(
        'ERR_LATINO_TOO_LARGE',
        `Expected files of at most ${maxBytes} bytes but received ${headers['content-length']}`,
      );
  });
}

function addErrors(app: FastifyInstance, { onFault }: ServiceSettings): void {
  app.setNotFoundHandler(() => {
    throw new ServiceError('ERR_LATINO_NOT_FOUND', 'Expected a path of this service; /openapi.json has them');
  });
  app.setErrorHandler((error, _, reply) => {
    const { status, problem } = answerTo(error);
    if (status === 500 || status === 507) onFault?.(error instanceof ServiceError ? (error.cause ?? error) : error);
    if (error instanceof ServiceError && error.options.retryAfter !== undefined) reply.header('retry-after', error.options.retryAfter);
    return reply.code(status).send({ error: problem });
  });
}

const describe = ({ token }: ServiceSettings) => ({
  openapi: '3.1.0',
  info: { title: 'latino-native', description: 'Restores degraded photographs', version: packageVersion },
  ...(token !== undefined && {
    components: { securitySchemes: { token: { type: 'http' as const, scheme: 'bearer' } } },
    security: [{ token: [] }],
  }),
});
