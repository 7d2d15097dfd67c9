import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const library = new URL('../../dist/index.js', import.meta.url);
const PRELUDE = `
  const { Latino, denoising } = await import(${JSON.stringify(library.href)});
  const restore = (latino, size) => {
    const image = { data: new Float32Array(3 * size * size), width: size, height: size, channels: 3 };
    return latino.restore(image, { operator: denoising(), sigma: 0.1, steps: 1, onWarning: () => {} });
  };
`;
/** In MiB, resident: before a model is loaded, with it, after a large picture, after the model is disposed. */
const LEVELS = `${PRELUDE}
  import { setTimeout } from 'node:timers/promises';
  const levels = [];
  const measure = async () => {
    for (let i = 0; i < 4; i++) {
      globalThis.gc();
      await setTimeout(150);
    }
    levels.push(process.memoryUsage.rss() / 2 ** 20);
  };
  await measure();
  const latino = await Latino.load({ model: 'portraits', device: 'cpu' });
  await measure();
  for (const size of [128, 768]) await restore(latino, size);
  await measure();
  await latino.dispose();
  await measure();
  console.log(JSON.stringify({ levels, highest: process.resourceUsage().maxRSS / 1024, memory: latino.device.memory }));
`;
/** MiB that a large picture takes, resident, and what comes of it, with `memory: USE`. */
const LARGE = `${PRELUDE}
  const latino = await Latino.load({ model: 'portraits', device: 'cpu', memory: USE });
  const before = process.resourceUsage().maxRSS / 1024;
  const { image } = await restore(latino, 768);
  await latino.dispose();
  const taken = process.resourceUsage().maxRSS / 1024 - before;
  console.log(JSON.stringify({ taken, pixels: [...image.data.subarray(0, 4096)], memory: latino.device.memory }));
`;
/** Restores a picture for which the process may not take enough memory, then a small one. */
const EXHAUSTED = `${PRELUDE}
  import { execFileSync } from 'node:child_process';
  import { readFileSync } from 'node:fs';
  const latino = await Latino.load({ model: 'portraits', device: 'cpu', threads: 1 });
  await restore(latino, 64);
  const limit = (bytes) => execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + bytes + ':unlimited']);
  const taken = Number(/VmSize:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  limit(taken + 150 * 2 ** 20);
  const error = await restore(latino, 768).catch((error) => error);
  limit('unlimited');
  await restore(latino, 64);
  await latino.dispose();
  console.log(JSON.stringify({ code: error.code, message: error.message, memory: latino.device.memory }));
`;

/** What a program prints in a process that does nothing else. */
function run(program: string) {
  return JSON.parse(execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], { encoding: 'utf8' }));
}

/** What is wanted, 40 MiB, and what the heaps of the C library and of V8 may differ by from run to run. */
const MIB = 40 + 15;

describe.runIf(process.platform === 'linux')('memory', () => {
  it('is given back when a large picture is done, and when the model is disposed', () => {
    const { levels, highest, memory } = run(LEVELS);
    const [before, loaded, restored, disposed] = levels;
    expect(highest - loaded).toBeGreaterThan(200); // it was a large picture
    expect(restored - loaded).toBeLessThan(MIB);
    expect(disposed - before).toBeLessThan(MIB);
    expect(memory).toMatchObject({ inUse: 0, pooled: 0 });
  });

  it('is less for a large picture where little is to be taken, and the picture is the same', () => {
    const [low, fast] = ['low', 'fast'].map((use) => run(LARGE.replace('USE', JSON.stringify(use))));
    expect(low.taken).toBeLessThan(0.7 * fast.taken);
    expect(Math.max(...low.pixels.map((value: number, i: number) => Math.abs(value - fast.pixels[i])))).toBeLessThan(1e-4);
    expect(low.memory).toMatchObject({ inUse: 0, pooled: 0 });
  });

  it.runIf(spawnSync('prlimit', ['--version']).status === 0)('may run out in a network, which fails, and the next one runs', () => {
    const { code, message, memory } = run(EXHAUSTED);
    expect(code).toBe('ERR_LATINO_RUNTIME');
    expect(message).toMatch(/Expected \d+ bytes of free memory on cpu/);
    expect(memory).toMatchObject({ inUse: 0, pooled: 0 });
  });
});
