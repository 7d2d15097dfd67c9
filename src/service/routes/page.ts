import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import staticFiles from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** Same from src and from dist. */
const PAGES = fileURLToPath(new URL('../../../pages/', import.meta.url));

/** The page, and its files under /assets/. */
export async function addPage(app: FastifyInstance): Promise<void> {
  const root = `${PAGES}service`;
  if (!existsSync(root)) return;
  await app.register(staticFiles, { root, prefix: '/assets/', index: false, schemaHide: true });
  app.get('/', { schema: { hide: true } }, async (_, reply) => reply.sendFile('index.html'));
}
