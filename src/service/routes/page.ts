import { fileURLToPath } from 'node:url';
import staticFiles from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** The sources of pages; the same from src and from dist. */
const PAGES = fileURLToPath(new URL('../../../pages/', import.meta.url));

/** The page, and the files of its own and those that pages share, under /assets/. */
export async function addPage(app: FastifyInstance): Promise<void> {
  for (const folder of ['service', 'shared'])
    await app.register(staticFiles, {
      root: `${PAGES}${folder}`,
      prefix: `/assets/${folder}/`,
      index: false,
      decorateReply: folder === 'service',
      schemaHide: true,
    });
  app.get('/', { schema: { hide: true } }, async (_, reply) => reply.sendFile('index.html'));
}
