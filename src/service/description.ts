import { z } from 'zod';
import { ErrorAnswer } from './answers.js';

// JSON Schemas of what the routes take and answer, from the schemas that check and type them.

const json = (schema: z.ZodType): object => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
};

const FILE = { type: 'string', format: 'binary' } as const;

/** The body of a multipart form: its files, `file` first, and its texts. */
export function form(fields: z.ZodObject, files: Readonly<Record<string, string>>): object {
  const { properties, required = [], ...rest } = json(fields) as { properties: object; required?: string[] };
  const described = Object.fromEntries(Object.entries(files).map(([name, description]) => [name, { ...FILE, description }]));
  return { ...rest, properties: { ...described, ...properties }, required: ['file', ...required] };
}

export const answer = (description: string, schema: z.ZodType): object => ({ description, ...json(schema) });

/** Of the restored picture, or of a measurement. */
export const PNG = { description: 'The picture', content: { 'image/png': { schema: FILE } } } as const;

export const NOTHING = { description: 'Done', type: 'null' } as const;

/** Answers of these statuses, an error each. */
export const refusals = (...statuses: readonly (keyof typeof REFUSALS)[]): Record<number, object> =>
  Object.fromEntries(statuses.map((status) => [status, answer(REFUSALS[status], ErrorAnswer)]));

const REFUSALS = {
  400: 'The form says what cannot be',
  401: 'No token, or another',
  404: 'There is none of this id, or no more',
  409: 'It is not done',
  413: 'More bytes or pixels than the service takes',
  415: 'No form, or no picture of a format that is taken',
  422: 'The picture cannot be decoded',
  429: 'Too many wait; Retry-After says when to ask again',
  503: 'The service is being stopped',
} as const;
