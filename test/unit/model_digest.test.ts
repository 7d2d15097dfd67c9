import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { modelDigest } from '../../src/model_digest.js';
import { portraits } from '../support/cli.js';
import { DEVICE } from '../support/device.js';
import { goldenPath, goldenSet } from '../support/golden.js';

goldenSet('the digest of a model', ['models/tiny-sd15', 'models/tiny-taesd', 'models/lcm-lora.safetensors'], () => {
  it('is that of its parts, wherever they lie, and of nothing else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latino-digest-'));
    try {
      const model = goldenPath('models/tiny-sd15');
      const copy = join(folder, 'copy');
      cpSync(model, copy, { recursive: true });
      const digest = await modelDigest({ model });
      expect(digest).toMatch(/^[0-9a-f]{32}$/);
      expect(await modelDigest({ model: copy, device: DEVICE, threads: 1 })).toBe(digest);
      const lora = goldenPath('models/lcm-lora.safetensors');
      const others = [
        await modelDigest({ model, vae: goldenPath('models/tiny-taesd') }),
        await modelDigest({ model, loras: [lora] }),
        await modelDigest({ model, loras: [{ path: lora, strength: 0.5 }] }),
        await modelDigest({ model, guidance: 3 }),
        await modelDigest(),
        // Named, it has a prompt of its own.
        await modelDigest({ model: portraits }),
      ];
      const schedule = join(copy, 'scheduler/scheduler_config.json');
      writeFileSync(schedule, readFileSync(schedule, 'utf8').replace('0.012', '0.013'));
      others.push(await modelDigest({ model: copy }));
      expect(new Set([digest, ...others]).size).toBe(8);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
