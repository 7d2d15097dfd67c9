import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { LatinoError } from '../errors.js';
import { ServiceError } from './service_error.js';

/** The page loads its own files, shows pictures that it made, and talks to this service alone. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'cache-control': 'private, no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
} as const;

/** Paths that anybody may ask for: what tells a balancer that the service lives, how it is asked, and the page that asks for the token. */
const isOpen = (path: string): boolean => ['/', '/healthz', '/openapi.json'].includes(path) || path.startsWith('/assets/');

/** Whether only this machine reaches a host of this name. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);

/** @throws LatinoError ERR_LATINO_ARGUMENT when it is guessed too easily, or no header can hold it; the error does not show it */
export function requireToken(token: string | undefined): void {
  if (token === undefined || /^[\x21-\x7e]{16,}$/.test(token)) return;
  throw new LatinoError(
    'ERR_LATINO_ARGUMENT',
    `Expected a token of at least 16 printable characters, none a space, but received one of ${token.length}`,
  );
}

/** @throws LatinoError ERR_LATINO_ARGUMENT when others than this machine would be answered without being asked for a token */
export function requireSafeHost(host: string, token: string | undefined): void {
  if (token !== undefined || isLoopback(host)) return;
  throw new LatinoError(
    'ERR_LATINO_ARGUMENT',
    `Expected a token where a service listens on ${host}, which others can reach, but received none (LATINO_TOKEN, --token-file)`,
  );
}

/**
 * Refuses whoever has no token where one is set. Where none is, only this machine's programs are answered: no page of another site that its browser
 * shows, by whatever name it calls this address.
 */
export function addGuard(app: FastifyInstance, token: string | undefined): void {
  const expected = token === undefined ? undefined : digest(token);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    refuseOtherSites(request, expected === undefined);
    const path = request.url.split('?', 1)[0]!;
    if (expected === undefined || isOpen(path)) return;
    const [, given] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return;
    reply.header('www-authenticate', 'Bearer');
    throw new ServiceError(
      'ERR_LATINO_TOKEN',
      `Expected the service's token as Authorization: Bearer but received ${given === undefined ? 'none' : 'another'}`,
    );
  });
}

function refuseOtherSites({ headers }: FastifyRequest, isLocal: boolean): void {
  const { host = '', origin } = headers;
  if (isLocal && !isLoopback(host.replace(/:\d*$/, '')))
    throw new ServiceError('ERR_LATINO_ORIGIN', 'Expected this machine for the host of a service without a token');
  if (origin !== undefined && !URL.canParse(origin)) throw otherSite();
  if (origin !== undefined && new URL(origin).host !== host) throw otherSite();
}

const otherSite = (): ServiceError =>
  new ServiceError('ERR_LATINO_ORIGIN', "Expected a request of the service's own page but it comes from another site");

const digest = (token: string): Buffer => createHash('sha256').update(token).digest();
