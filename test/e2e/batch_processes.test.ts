import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ImageRecord, readJournals } from '../../src/index.js';
import { commandLine, execute } from '../support/cli.js';
import { hugePng, measurePortraits, TASK } from '../support/portraits_folder.js';

// What only processes can show: they are killed at any instant, the disk is full, two of them want one folder. bench/batch.mjs does it with 500 images.

const COUNT = 16;
const folder = mkdtempSync(join(tmpdir(), 'latino-batch-processes-'));
const at = (name: string): string => join(folder, name);
let names: string[];
let undisturbed: Map<string, Buffer>;

const batch = (...words: string[]): string[] => [...commandLine, 'batch', ...words, ...TASK, '--steps', '1', '--device', 'cpu'];

beforeAll(async () => {
  names = await measurePortraits(at('in'), COUNT);
  expect(await execute(batch(at('in'), '--out', at('undisturbed')))).toMatchObject({ status: 0 });
  undisturbed = new Map(names.map((name) => [name, readFileSync(at(`undisturbed/${name}`))]));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function records(out: string): Promise<ImageRecord[]> {
  const found: ImageRecord[] = [];
  for await (const record of readJournals(out)) if (record.kind === 'image') found.push(record);
  return found;
}

/** Every image is there as the undisturbed run made it, and was done once. */
async function expectComplete(out: string): Promise<void> {
  for (const name of names) expect(readFileSync(join(out, name)).equals(undisturbed.get(name)!), name).toBe(true);
  const done = (await records(out)).filter(({ status }) => status === 'done');
  expect(done.map(({ output }) => output).sort()).toEqual(names);
  const others = readdirSync(out, { recursive: true })
    .map(String)
    .filter((name) => !names.includes(name) && name !== 'sub');
  expect(
    others.every((name) => /^(latino-batch(\.\d-of-\d)?\.jsonl|report\.html|latino-report(\/.*)?)$/.test(name)),
    others.join(),
  ).toBe(true);
}

/** Mulberry32: the same moments each time the test is run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('a batch that is killed', () => {
  it('at random moments and started again gives what an undisturbed one does, and does nothing twice', async () => {
    const out = at('killed');
    const next = random(20261127);
    let killed = 0;
    for (let k = 0; k < 5; k++) {
      // One after the other, or a fast machine would be done before there is anything left to kill.
      const command = batch(at('in'), '--out', out, '--json', '--together', '1', '--concurrency', '1');
      const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
      const closed = once(child, 'close');
      // So many images later, and a little, or at any moment of the load.
      let images = Math.floor(next() * 4);
      const moment = images === 0 ? next() * 1000 : next() * 40;
      for await (const line of createInterface({ input: child.stdout })) {
        if (images > 0 && !line.startsWith('{"event":"image"')) continue;
        if (--images > 0) continue;
        await sleep(moment);
        child.kill('SIGKILL');
        break;
      }
      const [, signal] = (await closed) as [number | null, string | null];
      if (signal === 'SIGKILL') killed++;
    }
    expect(killed).toBeGreaterThan(2);
    expect(await execute(batch(at('in'), '--out', out))).toMatchObject({ status: 0, stderr: '' });
    await expectComplete(out);
  });
});

describe('a batch with broken files', () => {
  it('restores the others, lists these, and ends with status 3', async () => {
    mkdirSync(at('mixed/folder.png'), { recursive: true });
    for (const name of names.slice(0, 6)) writeFileSync(at(`mixed/${name.replace('sub/', 's')}`), readFileSync(at(`in/${name}`)));
    writeFileSync(at('mixed/empty.png'), '');
    writeFileSync(at('mixed/truncated.png'), undisturbed.get(names[0]!)!.subarray(0, 500));
    writeFileSync(at('mixed/text.jpg'), 'not a picture');
    writeFileSync(at('mixed/huge.png'), hugePng());
    symlinkSync('loop.png', at('mixed/loop.png'));
    execFileSync('mkfifo', [at('mixed/pipe.png')]);
    if (process.getuid?.() === 0) symlinkSync('/proc/self/mem', at('mixed/unreadable.png'));
    else {
      writeFileSync(at('mixed/unreadable.png'), 'x');
      chmodSync(at('mixed/unreadable.png'), 0);
    }
    const broken = ['empty.png', 'folder.png', 'huge.png', 'loop.png', 'pipe.png', 'text.jpg', 'truncated.png', 'unreadable.png'];
    const { status, stdout, stderr } = await execute(batch(at('mixed'), '--out', at('mixed-out')));
    expect(status).toBe(3);
    expect(stdout).toMatch(/of 14 images 6 restored, 8 failed, in /);
    const lines = stderr.trim().split('\n');
    expect(lines).toHaveLength(9);
    for (const name of broken) expect(stderr).toMatch(new RegExp(`^\\S+/mixed/${name}: Expected .+ \\[ERR_LATINO_IMAGE\\]$`, 'm'));
    expect(lines.at(-1)).toMatch(/^latino-native: 8 of 14 images could not be restored; .+ \[ERR_LATINO_INCOMPLETE\]$/);
    const failed = (await records(at('mixed-out'))).filter((record) => record.status === 'failed');
    expect(failed.map(({ output }) => output).sort()).toEqual(broken);
    // They are not tried again, and still said.
    expect(await execute(batch(at('mixed'), '--out', at('mixed-out')))).toMatchObject({ status: 3, stderr });
  });
});

describe('a full disk', () => {
  const disk = at('disk');
  let isMounted = false;
  beforeAll(() => {
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160k', 'latino-batch', disk], { stdio: 'ignore' });
      isMounted = true;
    } catch {
      isMounted = false;
    }
  });
  afterAll(() => {
    if (isMounted) execFileSync('umount', [disk]);
  });

  it('ends a batch with a sentence and status 1, and room lets it go on', async (context) => {
    if (!isMounted) return context.skip('a small file system cannot be mounted here');
    const out = join(disk, 'out');
    const full = await execute(batch(at('in'), '--out', out));
    expect(full).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^latino-native: Cannot write .+: the disk is full \[ERR_LATINO_OUTPUT\]\n$/),
    });
    const before = await records(out);
    expect(before.length).toBeGreaterThan(2);
    for (const { output, status } of before) {
      expect(status).toBe('done');
      expect(readFileSync(join(out, output)).equals(undisturbed.get(output)!)).toBe(true);
    }
    execFileSync('mount', ['-o', 'remount,size=16m', disk]);
    expect(await execute(batch(at('in'), '--out', out))).toMatchObject({ status: 0 });
    await expectComplete(out);
  });
});

describe('several processes', () => {
  it('of one folder: the second is refused', async () => {
    const out = at('two');
    const first = spawn(commandLine[0], batch(at('in'), '--out', out, '--json').slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = once(first, 'close');
    await once(first.stdout, 'data');
    const second = await execute(batch(at('in'), '--out', out));
    expect(second.status).toBe(2);
    expect(second.stderr).toMatch(new RegExp(`process ${first.pid} writes there since .+ \\[ERR_LATINO_OUTPUT\\]`));
    first.stdout.resume();
    expect((await closed)[0]).toBe(0);
    await expectComplete(out);
  });

  it('of one command, one for each device, share it', async () => {
    const out = at('devices');
    const { status, stdout, stderr } = await execute(batch(at('in'), '--out', out, '--devices', 'cpu,cpu', '--json'));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string });
    expect(events.filter(({ event }) => event === 'image')).toHaveLength(COUNT);
    expect(events.at(-1)).toMatchObject({ event: 'summary', total: COUNT, restored: COUNT, failed: 0, device: 'cpu' });
    expect(readdirSync(out).filter((name) => name.endsWith('.jsonl'))).toEqual(['latino-batch.1-of-2.jsonl', 'latino-batch.2-of-2.jsonl']);
    await expectComplete(out);
  });

  it('of a device that is not there end with its sentence', async () => {
    const ended = await execute(batch(at('in'), '--out', at('none'), '--devices', 'cpu,cuda:7', '--limit', '2'));
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringMatching(/cuda:7.+\[ERR_LATINO_DEVICE\]\n$/) });
  });

  it('are stopped together, and leave nothing but what is done', async () => {
    const out = at('stopped');
    const child = spawn(commandLine[0], batch(at('in'), '--out', out, '--devices', 'cpu,cpu', '--json').slice(1), {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const closed = once(child, 'close');
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.startsWith('{"event":"image"')) continue;
      child.kill('SIGTERM');
      break;
    }
    expect((await closed)[0]).toBe(143);
    expect(readdirSync(out).filter((name) => /lock|tmp/.test(name))).toEqual([]);
    for (const { output } of await records(out)) expect(existsSync(join(out, output))).toBe(true);
    expect(await execute(batch(at('in'), '--out', out))).toMatchObject({ status: 0 });
    await expectComplete(out);
  });
});
