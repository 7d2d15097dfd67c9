import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceEvent } from '../../src/service/index.js';
import { commandLine, expectRefusal, run } from '../support/cli.js';
import { Client, formOf, LONG, SHORT, TemporaryFiles } from '../support/service.js';

let temporary: TemporaryFiles;
const services: ServiceProcess[] = [];
beforeAll(() => {
  temporary = new TemporaryFiles();
});
afterAll(() => {
  for (const { process } of services) process.kill('SIGKILL');
  temporary[Symbol.dispose]();
});

/** A service as a machine has it: a process of its own, and what it says. */
class ServiceProcess {
  readonly events: ServiceEvent[] = [];
  readonly process: ChildProcess;
  readonly exited: Promise<unknown[]>;

  constructor(...args: string[]) {
    const [node, main] = commandLine;
    const flags = ['serve', '--port', '0', '--json', '--model', 'portraits', '--concurrency', '1', ...args];
    this.process = spawn(node, [main, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.exited = once(this.process, 'exit');
    createInterface({ input: this.process.stdout! }).on('line', (line) => this.events.push(JSON.parse(line) as ServiceEvent));
    services.push(this);
  }

  async said<Name extends ServiceEvent['event']>(name: Name): Promise<Extract<ServiceEvent, { event: Name }>> {
    for (;;) {
      const found = this.events.find(({ event }) => event === name);
      if (found) return found as Extract<ServiceEvent, { event: Name }>;
      if (this.process.exitCode !== null) throw new Error(`The service ended with ${this.process.exitCode}`);
      await sleep(5);
    }
  }

  async end(signal: NodeJS.Signals): Promise<unknown[]> {
    this.process.kill(signal);
    return this.exited;
  }
}

describe('a service that is told to stop', () => {
  it('finishes what runs and hands it out, refuses the rest, and leaves nothing', async () => {
    const service = new ServiceProcess('--grace', '100');
    const client = new Client((await service.said('ready')).url);
    const running = await client.ask({ ...SHORT, calibrate: 'true' });
    await client.running(running.id);
    const waiting = await client.ask(SHORT);
    service.process.kill('SIGTERM');
    expect(await service.said('draining')).toEqual({ event: 'draining', running: 1, waiting: 1 });

    expect(await client.refusal(formOf(SHORT))).toMatchObject({ status: 503, code: 'ERR_LATINO_DRAINING' });
    expect((await client.request('/healthz')).status).toBe(503);
    const error = { code: 'ERR_LATINO_DRAINING', message: expect.stringContaining('has not begun') };
    expect(await client.ended(waiting.id)).toMatchObject({ state: 'failed', error });
    expect(await client.ended(running.id)).toMatchObject({ state: 'done' });
    expect((await client.image(running.id)).toString('latin1', 1, 4)).toBe('PNG');
    expect(await service.exited).toEqual([0, null]);
    expect(temporary.folders).toEqual([]);
  });

  it('stops what is not finished within its grace', async () => {
    const service = new ServiceProcess('--grace', '0.2');
    const client = new Client((await service.said('ready')).url);
    const { id } = await client.ask(LONG);
    await client.running(id);
    let state = '';
    for await (const { data } of client.events(id)) {
      if (state === '') service.process.kill('SIGINT');
      state = data.state;
    }
    expect(state).toBe('failed');
    expect(await service.exited).toEqual([0, null]);
    expect(temporary.folders).toEqual([]);
  });

  it('ends at once at a second signal, and the next one removes what it has left', async () => {
    const service = new ServiceProcess();
    const client = new Client((await service.said('ready')).url);
    await client.running((await client.ask(LONG)).id);
    service.process.kill('SIGTERM');
    await service.said('draining');
    expect(await service.end('SIGTERM')).toEqual([null, 'SIGTERM']);
    const left = temporary.folders;
    expect(left).toHaveLength(1);

    const next = new ServiceProcess();
    await next.said('ready');
    expect(temporary.folders).toHaveLength(1);
    expect(temporary.folders).not.toEqual(left);
    // A living one's stay.
    const beside = new ServiceProcess();
    await beside.said('ready');
    expect(temporary.folders).toHaveLength(2);
    expect(await Promise.all([next, beside].map((each) => each.end('SIGTERM')))).toEqual([
      [0, null],
      [0, null],
    ]);
    expect(temporary.folders).toEqual([]);
  });
});

describe('serve', () => {
  it('answers others than this machine with a token only', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', '127.0.0.1.example'])
      expectRefusal(await run('serve', '--host', host), 'ARGUMENT', /token where a service listens on/);
    const file = join(temporary.path, 'token');
    writeFileSync(file, 'too short\n');
    const short = await run('serve', '--host', '0.0.0.0', '--token-file', file);
    expectRefusal(short, 'ARGUMENT', /at least 16 printable characters, none a space, but received one of 9/);
    expect(short.stderr).not.toContain('too short');
    expectRefusal(await run('serve', '--token-file', `${file}s`), 'ARGUMENT', /file with a token/);
    writeFileSync(file, 'a-token-that-is-long-enough\n');
    const service = new ServiceProcess('--host', '0.0.0.0', '--token-file', file);
    const { url } = await service.said('ready');
    const local = url.replace('0.0.0.0', '127.0.0.1');
    expect((await new Client(local).request('/v1/model')).status).toBe(401);
    expect((await new Client(local, 'a-token-that-is-long-enough').request('/v1/model')).status).toBe(200);
    expect(await service.end('SIGTERM')).toEqual([0, null]);
  });

  it('says why it cannot listen', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { status, stderr } = await run('serve', '--model', 'portraits', '--port', String(port));
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `latino-native: Cannot listen on 127.0.0.1:${port}: another program does [ERR_LATINO_SERVICE]\n`,
    });
    other.close();
  });
});
