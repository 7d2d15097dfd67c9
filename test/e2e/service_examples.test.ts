import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Latino } from '../../src/index.js';
import { createService } from '../../src/service/index.js';
import { execute, root } from '../support/cli.js';
import { sample } from '../support/service.js';

// What examples/service holds and docs/services.md points at.

const examples = join(root, 'examples/service');
const folder = mkdtempSync(join(tmpdir(), 'latino-service-examples-'));
beforeAll(() => writeFileSync(join(folder, 'damaged.png'), sample));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the examples', () => {
  it('are all that the page points at, and all pointed at', () => {
    const page = readFileSync(join(root, 'docs/services.md'), 'utf8');
    const named = new Set([...page.matchAll(/\(\.\.\/examples\/service\/([\w.-]+)\)/g)].map(([, name]) => name!));
    expect([...named].sort()).toEqual(readdirSync(examples).sort());
  });

  const curl = ['/usr/bin/curl', '/usr/local/bin/curl'].find(existsSync);
  it.skipIf(!curl)(`ask.sh restores a picture${curl ? '' : ' (skipped: there is no curl here)'}`, async () => {
    const token = 'a-token-that-is-long-enough';
    await using latino = await Latino.load({ model: 'portraits' });
    await using service = await createService(latino, { token });
    const url = await service.app.listen({ host: '127.0.0.1', port: 0 });
    const [damaged, restored] = [join(folder, 'damaged.png'), join(folder, 'restored.png')];
    const ask = (given: string) =>
      execute(['env', `LATINO_URL=${url}`, `LATINO_TOKEN=${given}`, 'sh', join(examples, 'ask.sh'), damaged, 'denoise', '0.1', restored]);
    expect(await ask(token)).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(await sharp(restored).metadata()).toMatchObject({ format: 'png', width: 128, height: 128 });
    expect((await service.app.inject({ url: '/healthz' })).json()).toEqual({ status: 'ok', waiting: 0, running: 0 });
    expect(await ask(`${token}s`)).toMatchObject({ status: 22, stderr: expect.stringContaining('401') });
  });

  const systemd = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find(existsSync);
  it.skipIf(!systemd)(`latino-native.service is a unit${systemd ? '' : ' (skipped: there is no systemd here)'}`, async () => {
    const { stderr } = await execute([systemd!, 'verify', '--man=no', join(examples, 'latino-native.service')]);
    expect(stderr.split('\n').filter((line) => line !== '' && !line.includes('is not executable'))).toEqual([]);
  });
});
