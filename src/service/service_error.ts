import { LatinoError } from '../errors.js';

/** Stable codes of what only a service refuses. */
export type ServiceErrorCode =
  | 'ERR_LATINO_TOKEN'
  | 'ERR_LATINO_ORIGIN'
  | 'ERR_LATINO_NOT_FOUND'
  | 'ERR_LATINO_NOT_DONE'
  | 'ERR_LATINO_TOO_LARGE'
  | 'ERR_LATINO_FORMAT'
  | 'ERR_LATINO_PICTURE'
  | 'ERR_LATINO_BUSY'
  | 'ERR_LATINO_DRAINING'
  | 'ERR_LATINO_TIME'
  | 'ERR_LATINO_STOPPED'
  | 'ERR_LATINO_STORAGE'
  | 'ERR_LATINO_REQUEST';

const STATUS: Readonly<Record<ServiceErrorCode, number>> = {
  ERR_LATINO_TOKEN: 401,
  ERR_LATINO_ORIGIN: 403,
  ERR_LATINO_NOT_FOUND: 404,
  ERR_LATINO_NOT_DONE: 409,
  ERR_LATINO_TOO_LARGE: 413,
  ERR_LATINO_FORMAT: 415,
  ERR_LATINO_PICTURE: 422,
  ERR_LATINO_BUSY: 429,
  ERR_LATINO_DRAINING: 503,
  ERR_LATINO_TIME: 504,
  ERR_LATINO_STOPPED: 409,
  ERR_LATINO_STORAGE: 507,
  ERR_LATINO_REQUEST: 400,
};

/** What a service answers with in place of what was asked for. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly status: number;
  constructor(
    readonly code: ServiceErrorCode,
    message: string,
    /** `retryAfter`: seconds after which it may be asked again. */
    readonly options: ErrorOptions & { readonly retryAfter?: number } = {},
  ) {
    super(message, options);
    this.status = STATUS[code];
  }
}

/** What a client is told of an error. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}

/** Of the library's errors, those that the request is to blame for. */
const BLAMED: ReadonlyMap<unknown, number> = new Map([
  ['ERR_LATINO_ARGUMENT', 400],
  ['ERR_LATINO_OPERATOR', 400],
  ['ERR_LATINO_SHAPE', 400],
  ['ERR_LATINO_IMAGE', 422],
  ['ERR_LATINO_NUMERIC', 422],
  ['ERR_LATINO_BUSY', 429],
]);

/** What Fastify and its plugins refuse, by status. */
const REFUSED: ReadonlyMap<number, ServiceErrorCode> = new Map([
  [404, 'ERR_LATINO_NOT_FOUND'],
  [413, 'ERR_LATINO_TOO_LARGE'],
  [415, 'ERR_LATINO_FORMAT'],
]);

/** The status and the words for anything that was thrown; of what went wrong inside nothing is told but that it did. */
export function answerTo(error: unknown): { readonly status: number; readonly problem: Problem } {
  if (error instanceof ServiceError) return { status: error.status, problem: { code: error.code, message: error.message } };
  const { code, message, statusCode } = error as Partial<Problem & { readonly statusCode: number }>;
  const blamed = error instanceof LatinoError ? BLAMED.get(code) : undefined;
  if (blamed !== undefined) return { status: blamed, problem: { code: String(code), message: String(message) } };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return { status: statusCode, problem: { code: REFUSED.get(statusCode) ?? 'ERR_LATINO_REQUEST', message: String(message) } };
  const own = error instanceof LatinoError ? error.code : 'ERR_LATINO_RUNTIME';
  return { status: 500, problem: { code: own, message: 'The service failed at this; its log says why' } };
}
