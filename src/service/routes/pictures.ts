import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { estimateSigma } from '../../estimate_sigma.js';
import type { Operator } from '../../operators/index.js';
import { NoiseAnswer } from '../answers.js';
import type { Context } from '../context.js';
import { readDamage } from '../damage.js';
import { answer, form, PNG, refusals } from '../description.js';
import { DegradationForm, NoiseForm, parseForm } from '../forms.js';
import { examinePicture } from '../picture.js';
import { secondFilesInWords } from '../second_files.js';
import { ServiceError } from '../service_error.js';
import { receiveUpload, type Upload } from '../upload.js';

const tags = ['pictures'];

/** A picture, and what damages or damaged it; on the disk until it is disposed. */
interface Received<Form extends z.ZodType> extends AsyncDisposable {
  readonly said: z.output<Form>;
  readonly operator: Operator;
  readonly picture: string;
}

/** What is answered at once: no model works on it. */
export function addPictureRoutes(app: FastifyInstance, { latino, folder, settings, uploads, quick }: Context): void {
  const { maxBytes, maxPixels, maxSeconds } = settings;

  app.post(
    '/v1/degradations',
    {
      schema: {
        ...{ tags, summary: 'Damages a picture, to try what restores it', consumes: ['multipart/form-data'] },
        body: form(DegradationForm, { file: 'A good picture', ...secondFilesInWords }),
        response: { 200: PNG, ...refusals(400, 401, 413, 415, 422, 429) },
      },
    },
    async (request, reply) => {
      await using received = await receive(request, DegradationForm);
      const { said, operator, picture } = received;
      using _ = quick.take();
      const signal = AbortSignal.timeout(maxSeconds * 1000);
      const measurement = await latino.degrade(picture, { operator, sigma: said.sigma, seed: said.seed, signal });
      return reply.type('image/png').send(await measurement.toBuffer());
    },
  );

  app.post(
    '/v1/noise',
    {
      schema: {
        ...{ tags, summary: 'Estimates the noise level of a damaged picture', consumes: ['multipart/form-data'] },
        body: form(NoiseForm, { file: 'The damaged picture', ...secondFilesInWords }),
        response: { 200: answer('The estimate', NoiseAnswer), ...refusals(400, 401, 413, 415, 422, 429) },
      },
    },
    async (request): Promise<z.output<typeof NoiseAnswer>> => {
      await using received = await receive(request, NoiseForm);
      using _ = quick.take();
      return await estimateSigma(received.picture, { operator: received.operator });
    },
  );

  async function receive<Form extends z.ZodObject<{ task: z.ZodString }>>(request: FastifyRequest, form: Form): Promise<Received<Form>> {
    using _ = uploads.take();
    const upload = await receiveUpload(request, folder, maxBytes);
    try {
      return { ...(await read(upload, form)), [Symbol.asyncDispose]: () => upload[Symbol.asyncDispose]() };
    } catch (error) {
      await upload[Symbol.asyncDispose]();
      throw error;
    }
  }

  async function read<Form extends z.ZodObject<{ task: z.ZodString }>>(upload: Upload, form: Form) {
    const said = parseForm(form, upload.fields);
    const picture = upload.files.get('file');
    if (picture === undefined) throw new ServiceError('ERR_LATINO_REQUEST', 'Expected a picture as the file named file but received none');
    await examinePicture(picture, maxPixels);
    return { said, picture, operator: await readDamage(said.task, upload.files, maxPixels) };
  }
}
