import { cpSync, mkdtempSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { Latino, superResolution } from '../../src/index.js';
import { portraits } from '../support/cli.js';
import { DEVICE } from '../support/device.js';
import { withCode } from '../support/errors.js';

const work = mkdtempSync(join(tmpdir(), 'latino-changed-'));
const folder = join(work, 'model');
afterAll(() => rmSync(work, { recursive: true }));

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  cpSync(portraits, folder, { recursive: true });
});

/** As a download that replaces a file, or a training that writes it, leaves it. */
function change(component: string): void {
  const name = component === 'text_encoder' ? 'model' : 'diffusion_pytorch_model';
  const path = join(folder, component, `${name}.safetensors`);
  const { atime, mtime } = statSync(path);
  utimesSync(path, atime, new Date(mtime.getTime() + 2000));
}

const measurement = { data: new Float32Array(3 * 16 * 16).fill(0.4), width: 16, height: 16, channels: 3 } as const;
const options = { operator: superResolution({ factor: 8 }), sigma: 0.05, steps: 1 };
const message = /^Expected .*\.safetensors as it was when the model was loaded but it has changed since; load the model anew$/;

it.each(['unet', 'vae', 'text_encoder'])('refuses to restore with weights of the %s that changed after the load', async (component) => {
  await using latino = await Latino.load({ model: folder });
  change(component);
  const restored = latino.restore(measurement, options);
  // ONNX Runtime has taken those of the steps to the GPU as they were.
  if (DEVICE !== 'cpu' && component !== 'text_encoder') await restored;
  else await expect(restored).rejects.toThrow(withCode('MODEL', message));
  // Loaded anew, it is the model that it is now.
  await using again = await Latino.load({ model: folder });
  expect((await again.restore(measurement, options)).image.width).toBe(128);
});

it('does so once weights are packed anew, long after the first restoration', async () => {
  await using latino = await Latino.load({ model: folder });
  const first = await latino.restore(measurement, options);
  change('unet');
  // Either nothing is read again, and the image is the same, or what is read is refused.
  await latino.device.synchronize();
  await latino.device.trim();
  const outcome = await latino.restore(measurement, options).catch((error: unknown) => error);
  if (outcome instanceof Error) expect(outcome).toEqual(withCode('MODEL', message));
  else expect((outcome as typeof first).image.data).toEqual(first.image.data);
});
