import type { FastifyInstance } from 'fastify';
import { denoising, operatorSpellings } from '../../operators/index.js';
import { packageVersion } from '../../package_version.js';
import { HealthAnswer, ModelAnswer } from '../answers.js';
import type { Context } from '../context.js';
import { answer, refusals } from '../description.js';
import type { Metrics } from '../metrics.js';
import { fileFor } from '../second_files.js';

const tags = ['service'];

/** What the service is, and how it does. */
export function addAboutRoutes(app: FastifyInstance, { latino, restorations, settings }: Context, metrics: Metrics): void {
  app.get(
    '/v1/model',
    {
      schema: {
        tags,
        summary: 'The model, the tasks and the limits',
        response: { 200: answer('What it can', ModelAnswer), ...refusals(401) },
      },
    },
    async (): Promise<ModelAnswer> => ({
      name: settings.modelName,
      ...latino.defaults(denoising()),
      tasks: TASKS,
      limits: { pixels: settings.maxPixels, bytes: settings.maxBytes, seconds: settings.maxSeconds },
      version: packageVersion,
    }),
  );

  app.get(
    '/healthz',
    {
      schema: {
        ...{ tags, summary: 'Whether the service takes restorations', security: [] },
        response: { 200: answer('It does', HealthAnswer), 503: answer('It is being stopped', HealthAnswer) },
      },
    },
    async (_, reply) => {
      const { waiting, running, draining } = restorations;
      return reply.code(draining ? 503 : 200).send({ status: draining ? 'draining' : 'ok', waiting, running });
    },
  );

  app.get(
    '/metrics',
    { schema: { tags, summary: 'For Prometheus', produces: ['text/plain'], response: refusals(401) } },
    async (_, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );

  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}

/** As they are asked for over HTTP: what the command line names as a file is sent beside the picture. */
const TASKS: ModelAnswer['tasks'] = operatorSpellings().map(({ usage, example, help, options, path }) => {
  if (!path) return { name: usage, example, help, options };
  const name = usage.replace(/:<.*/, '');
  return { name, example: name, help, options, file: fileFor(name) };
});
