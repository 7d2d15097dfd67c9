import { z } from 'zod';
import { DegradeOptions, RestoreOptions } from '../options.js';
import { parseOptions } from '../schema.js';

// The schemas that check what a form says, which the description of the interface is made of too.

const Task = z
  .string('a task such as sr:4')
  .max(200, 'a task of at most 200 characters')
  .describe('What damaged the picture, for example sr:4; inpaint with a file named mask, deblur:kernel with one named kernel');
const Prompt = z.string().max(2000, 'a text of at most 2000 characters').optional();
const { steps, seed, result, sigma } = RestoreOptions.shape;

export const RestorationForm = z.strictObject({
  task: Task,
  sigma: sigma.describe('Noise level on a [0, 1] picture; auto, the default, estimates it'),
  prompt: Prompt.describe('What the picture shows'),
  steps,
  seed,
  result,
  calibrate: z.boolean().optional().describe('Calibrates the prompt on the picture first: about 13 times as long'),
  previews: z.boolean().optional().describe('Sends a preview after every step'),
});
export type RestorationForm = z.output<typeof RestorationForm>;

export const DegradationForm = z.strictObject({ task: Task, sigma: DegradeOptions.shape.sigma, seed });

export const NoiseForm = z.strictObject({ task: Task });

const NUMBERS: ReadonlySet<string> = new Set(['sigma', 'steps', 'seed']);
const FLAGS: ReadonlySet<string> = new Set(['calibrate', 'previews']);

/**
 * What the texts of a form say. An empty text says nothing.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT
 */
export function parseForm<Form extends z.ZodObject>(form: Form, fields: ReadonlyMap<string, string>): z.output<Form> {
  const values = [...fields].filter(([, text]) => text !== '').map(([name, text]) => [name, readText(name, text)]);
  return parseOptions(form, Object.fromEntries(values), { code: 'ERR_LATINO_ARGUMENT', what: 'the form' });
}

/** What the text of a field stands for; what stands for nothing goes on as it is, and the schema refuses it. */
function readText(name: string, text: string): unknown {
  if (NUMBERS.has(name)) return Number.isNaN(Number(text)) || text.trim() === '' ? text : Number(text);
  if (FLAGS.has(name)) return text === 'true' ? true : text === 'false' ? false : text;
  return text;
}
