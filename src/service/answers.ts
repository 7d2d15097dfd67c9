import { z } from 'zod';
import type { Ticket } from './ticket.js';

// What the service answers, as its description says it.

export const ErrorAnswer = z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string() }) });

export const StateAnswer = z.strictObject({
  id: z.string(),
  state: z.enum(['waiting', 'running', 'done', 'failed', 'stopped']),
  position: z.int().optional().describe('Among those that wait, from 1'),
  task: z.string(),
  sigma: z.number().optional().describe('The noise level that is used: where it is estimated, there when it is done'),
  sigmaEstimated: z.boolean().describe('Whether it is estimated from the picture'),
  prompt: z.string(),
  seed: z.int(),
  step: z.int().describe('Steps done; 0 while the prompt is calibrated'),
  steps: z.int(),
  width: z.int().optional().describe('Of the restored picture'),
  height: z.int().optional(),
  seconds: z.number().optional().describe('That it took, once it is done'),
  warnings: z.array(z.strictObject({ code: z.string(), message: z.string() })),
  error: ErrorAnswer.shape.error.optional().describe('What it failed of'),
  links: z.strictObject({ self: z.string(), events: z.string(), image: z.string() }),
});
export type StateAnswer = z.output<typeof StateAnswer>;

export function stateOf(ticket: Ticket, position: number | undefined): StateAnswer {
  const { id, state, step, steps, seconds, sigma, sigmaEstimated, problem, warnings, order } = ticket;
  const { form, size, defaults } = order;
  const self = `/v1/restorations/${id}`;
  return {
    ...{ id, state, position, task: form.task, sigma, sigmaEstimated },
    ...{ prompt: form.prompt ?? defaults.prompt, seed: form.seed ?? 0, step, steps, ...size, seconds },
    warnings: warnings.map(({ code, message }) => ({ code, message })),
    error: problem,
    links: { self, events: `${self}/events`, image: `${self}/image` },
  };
}

export const ModelAnswer = z.strictObject({
  name: z.string(),
  nativeSize: z.int().describe('Side in pixels of the square pictures that it was made for; larger ones go through it in windows'),
  prompt: z.string().describe('What pictures are taken to show where nobody says it'),
  steps: z.int(),
  tasks: z.array(
    z.strictObject({
      name: z.string(),
      example: z.string(),
      help: z.string(),
      options: z.record(z.string(), z.string()).describe('Names with their values or range; the first of a choice is the default'),
      file: z.string().optional().describe('Name of the second file that is sent for it'),
    }),
  ),
  limits: z.strictObject({ pixels: z.int(), bytes: z.int(), seconds: z.number() }),
  version: z.string(),
});
export type ModelAnswer = z.output<typeof ModelAnswer>;

export const NoiseAnswer = z.strictObject({
  sigma: z.number().describe('Noise level on a [0, 1] picture'),
  certain: z.boolean().describe('Whether it can be relied on'),
  doubt: z.string().optional().describe('Why not'),
});

export const HealthAnswer = z.strictObject({ status: z.enum(['ok', 'draining']), waiting: z.int(), running: z.int() });
