import { LatinoError } from './errors.js';

export function checkSigma(sigma: number): void {
  if (!(sigma > 0 && sigma <= 1))
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected a number in (0, 1] for sigma but received ${sigma}`);
}

export function checkChoice(name: string, value: string | undefined, choices: readonly string[]): void {
  if (value !== undefined && !choices.includes(value))
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected ${choices.join(' or ')} for ${name} but received ${value}`);
}

export function checkInteger(name: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected an integer from ${low} to ${high} for ${name} but received ${value}`);
  }
}
