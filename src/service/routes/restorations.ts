import { open } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { StateAnswer, stateOf } from '../answers.js';
import type { Context } from '../context.js';
import { readDamage, restoredSize } from '../damage.js';
import { answer, form, NOTHING, PNG, refusals } from '../description.js';
import { eventStream } from '../event_stream.js';
import { parseForm, RestorationForm } from '../forms.js';
import { examinePicture } from '../picture.js';
import { secondFilesInWords } from '../second_files.js';
import { ServiceError } from '../service_error.js';
import type { Order, Ticket } from '../ticket.js';
import { receiveUpload, type Upload } from '../upload.js';

interface OfOne {
  Params: { readonly id: string };
}

const tags = ['restorations'];
const params = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] };

export function addRestorationRoutes(app: FastifyInstance, context: Context): void {
  const { restorations, folder, settings, uploads } = context;
  const stateNow = (ticket: Ticket): StateAnswer => stateOf(ticket, restorations.position(ticket));

  app.post<{ Querystring: { readonly previews?: string } }>(
    '/v1/restorations',
    {
      schema: {
        ...{ tags, summary: 'Asks for a restoration', consumes: ['multipart/form-data'] },
        querystring: { type: 'object', properties: { previews: { type: 'string', enum: ['1'] } } },
        body: form(RestorationForm, { file: 'The damaged picture', ...secondFilesInWords }),
        response: { 202: answer('It waits for its turn', StateAnswer), ...refusals(400, 401, 413, 415, 422, 429, 503) },
      },
    },
    async (request, reply) => {
      restorations.assertRoom();
      using _ = uploads.take();
      const upload = await receiveUpload(request, folder, settings.maxBytes);
      const ticket = await order(upload, request.query.previews === '1')
        .then((order) => restorations.submit(order))
        .catch(async (error: unknown) => {
          await upload[Symbol.asyncDispose]();
          throw error;
        });
      // Nobody would know its id.
      if (request.raw.destroyed && !request.raw.complete) await restorations.forget(ticket);
      const state = stateNow(ticket);
      return reply.code(202).header('location', state.links.self).send(state);
    },
  );

  async function order(upload: Upload, previews: boolean): Promise<Order> {
    const { maxPixels } = settings;
    const said = parseForm(RestorationForm, upload.fields);
    const picture = upload.files.get('file');
    if (picture === undefined) throw new ServiceError('ERR_LATINO_REQUEST', 'Expected a picture as the file named file but received none');
    const measurement = await examinePicture(picture, maxPixels);
    const operator = await readDamage(said.task, upload.files, maxPixels);
    const size = restoredSize(operator, measurement, maxPixels);
    const defaults = context.latino.defaults(operator, typeof said.sigma === 'number' ? said.sigma : undefined);
    return { form: { ...said, previews: said.previews ?? previews }, operator, size, defaults, upload };
  }

  app.get<OfOne>(
    '/v1/restorations/:id',
    { schema: { tags, summary: 'Its state', params, response: { 200: answer('Its state', StateAnswer), ...refusals(401, 404) } } },
    async ({ params: { id } }) => stateNow(restorations.find(id)),
  );

  app.get<OfOne>(
    '/v1/restorations/:id/events',
    {
      exposeHeadRoute: false,
      schema: {
        ...{ tags, params, summary: 'Its state at each change, its steps and previews, as they happen; ends when it does' },
        produces: ['text/event-stream'],
        response: { 200: { description: 'Events state, step and preview', type: 'string' }, ...refusals(401, 404) },
      },
    },
    async ({ params: { id } }, reply) => {
      const ticket = restorations.find(id);
      // Proxies are to hand on each event as it comes.
      reply.header('content-type', 'text/event-stream; charset=utf-8').header('x-accel-buffering', 'no');
      return reply.send(eventStream(ticket, () => stateNow(ticket)));
    },
  );

  app.get<OfOne>(
    '/v1/restorations/:id/image',
    { schema: { tags, summary: 'The restored picture', params, response: { 200: PNG, ...refusals(401, 404, 409) } } },
    async ({ method, params: { id } }, reply) => {
      const ticket = restorations.find(id);
      if (ticket.state !== 'done')
        throw new ServiceError('ERR_LATINO_NOT_DONE', `Expected a restoration that is done but this one is ${ticket.state}`);
      const file = await open(restorations.pathOf(ticket));
      if (method === 'GET') reply.raw.once('finish', () => ticket.events.emit('fetched'));
      reply.header('content-type', 'image/png').header('content-length', (await file.stat()).size);
      return reply.send(file.createReadStream());
    },
  );

  app.delete<OfOne>(
    '/v1/restorations/:id',
    { schema: { tags, summary: 'Stops it, and removes what is kept of it', params, response: { 204: NOTHING, ...refusals(401, 404) } } },
    async ({ params: { id } }, reply) => {
      await restorations.forget(restorations.find(id));
      return reply.code(204).send();
    },
  );
}
