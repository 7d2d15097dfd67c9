import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** Debian's package; nothing where it is not installed. */
export const redisServer = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find(existsSync);

/** Where it is seen it should not be. */
export const PASSWORD = 'a-secret-of-redis';

/** A Redis of a test's own, behind a password, which loses nothing when it is ended and started again. */
export class RedisServer {
  private process?: ChildProcess;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
  ) {}

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(mkdtempSync(join(tmpdir(), 'latino-redis-')), await freePort());
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://:${PASSWORD}@127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const place = ['--port', String(this.port), '--bind', '127.0.0.1', '--requirepass', PASSWORD];
    const keeping = ['--dir', this.folder, '--appendonly', 'yes', '--save', ''];
    this.process = spawn(redisServer!, [...place, ...keeping], { stdio: 'ignore' });
    while (!(await answers(this.port))) await setTimeout(50);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const exited = once(this.process!, 'exit');
    this.process!.kill(signal);
    await exited;
  }

  async dispose(): Promise<void> {
    if (this.process?.exitCode === null && this.process.signalCode === null) await this.end('SIGKILL');
    rmSync(this.folder, { recursive: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Whether something there says PONG: a Redis that has read its file. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' }, () => socket.write(`AUTH ${PASSWORD}\r\nPING\r\n`));
    let said = '';
    socket.on('data', (data) => {
      said += data.toString();
      if (said.split('\r\n').length <= 2) return;
      resolve(said.includes('+PONG'));
      socket.destroy();
    });
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
  });
}
