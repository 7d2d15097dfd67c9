import { afterEach, describe, expect, it, vi } from 'vitest';
import { defaultDevice } from '../../src/device/default_device.js';
import { withCode } from '../support/errors.js';

afterEach(() => vi.unstubAllEnvs());

describe('the device of options that name none', () => {
  it.each([
    [undefined, 'cpu'],
    ['', 'cpu'],
    ['auto', 'cpu'],
    ['cpu', 'cpu'],
    ['cuda:3', 'cuda:3'],
  ])('is, where LATINO_DEVICE is %s, %s', (named, device) => {
    vi.stubEnv('LATINO_DEVICE', named);
    expect(defaultDevice()).toBe(device);
  });

  it.each(['gpu', 'cuda', 'cuda:', 'cpu,cpu'])('is not %s', (named) => {
    vi.stubEnv('LATINO_DEVICE', named);
    expect(defaultDevice).toThrow(withCode('ARGUMENT', /^Expected auto, cpu or cuda:<index> for LATINO_DEVICE but received /));
  });
});
