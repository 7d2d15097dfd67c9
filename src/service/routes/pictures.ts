import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.js';
import { readDamage } from '../damage.js';
import { form, PNG, refusals } from '../description.js';
import { DegradationForm, parseForm } from '../forms.js';
import { examinePicture } from '../picture.js';
import { ServiceError } from '../service_error.js';
import { receiveUpload } from '../upload.js';

const tags = ['pictures'];

/** What is answered at once: no model works on it. */
export function addPictureRoutes(app: FastifyInstance, { latino, folder, settings, uploads, quick }: Context): void {
  const { maxBytes, maxPixels, maxSeconds } = settings;

  app.post(
    '/v1/degradations',
    {
      schema: {
        ...{ tags, summary: 'Damages a picture, to try what restores it', consumes: ['multipart/form-data'] },
        body: form(DegradationForm, {
          file: 'A good picture',
          mask: 'Of its size, white where pixels are to be missing; for the task inpaint',
        }),
        response: { 200: PNG, ...refusals(400, 401, 413, 415, 422, 429) },
      },
    },
    async (request, reply) => {
      using _ = uploads.take();
      await using upload = await receiveUpload(request, folder, { names: ['file', 'mask'], maxBytes });
      const { task, sigma, seed } = parseForm(DegradationForm, upload.fields);
      const picture = upload.files.get('file');
      if (picture === undefined)
        throw new ServiceError('ERR_LATINO_REQUEST', 'Expected a picture as the file named file but received none');
      await examinePicture(picture, maxPixels);
      const operator = await readDamage(task, upload.files.get('mask'), maxPixels);
      using _place = quick.take();
      const measurement = await latino.degrade(picture, { operator, sigma, seed, signal: AbortSignal.timeout(maxSeconds * 1000) });
      return reply.type('image/png').send(await measurement.toBuffer());
    },
  );
}
