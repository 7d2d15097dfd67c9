import type { default as Sharp } from 'sharp';
import { LatinoError } from '../errors.js';

/**
 * sharp, loaded when a picture is first read or written: what looks at an installation in which it is missing, or has no binary, must not fail of that.
 *
 * @throws LatinoError ERR_LATINO_ADDON with what to do about it
 */
export async function loadSharp(): Promise<typeof Sharp> {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    const [reason] = (cause as Error).message.trim().split('\n');
    throw new LatinoError(
      'ERR_LATINO_ADDON',
      `Expected the package sharp but cannot load it (${reason}); run: npm install --include=optional sharp`,
      { cause },
    );
  }
}
