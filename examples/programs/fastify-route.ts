// A route of a Fastify service of your own: a picture comes in, the restored one goes out. (`latino-native serve` is a whole service: docs/services.md.)
import multipart from '@fastify/multipart';
import fastify, { type FastifyInstance } from 'fastify';
import { Latino, LatinoError, superResolution } from 'latino-native';

export async function createServer(): Promise<FastifyInstance> {
  const latino = await Latino.load();
  const queue = latino.queue({ capacity: 16 });
  const server = fastify();
  await server.register(multipart, { limits: { files: 1, fileSize: 20 * 2 ** 20 } });
  server.addHook('onClose', () => latino.dispose());

  server.post('/enlarge', async (request, reply) => {
    const file = await request.file();
    if (!file) return reply.code(400).send({ error: 'Expected a picture as a file of a form' });
    // Whoever leaves stops the work.
    const client = new AbortController();
    reply.raw.once('close', () => client.abort());
    try {
      const restored = await queue.restore(await file.toBuffer(), { operator: superResolution({ factor: 4 }), signal: client.signal });
      return reply.type('image/webp').send(await restored.toBuffer('webp'));
    } catch (error) {
      if (!(error instanceof LatinoError)) throw error;
      const status = { ERR_LATINO_BUSY: 429, ERR_LATINO_IMAGE: 422 }[error.code as string] ?? 500;
      return reply.code(status).send({ error: error.message, code: error.code });
    }
  });
  return server;
}
