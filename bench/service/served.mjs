import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Says the delay of the event loop of a process that does nothing, at every line that it is given: what the machine's other work does to it. */
const CONTROL = `
const delay = require('node:perf_hooks').monitorEventLoopDelay({ resolution: 10 });
delay.enable();
process.stdin.on('data', () => {
  console.log(JSON.stringify({ p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }));
  delay.reset();
});`;

/** A service in a process of its own, whose temporary files are its alone. */
export class Served {
  faults = [];
  folder = mkdtempSync(join(tmpdir(), 'latino-bench-service-'));

  static async start(...flags) {
    const served = new Served();
    const env = { ...process.env, TMPDIR: served.scratch };
    mkdirSync(served.scratch);
    const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--json', '--model', 'portraits', ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env,
    });
    served.exited = new Promise((resolve) => child.on('exit', resolve));
    served.child = child;
    process.on('exit', () => child.kill('SIGKILL'));
    served.url = await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const event = JSON.parse(line);
        if (event.event === 'ready') resolve(event.url);
        if (event.event === 'fault') served.faults.push(event.message);
      });
      child.on('exit', (status) => reject(new Error(`The service ended with ${status}`)));
    });
    return served;
  }

  get scratch() {
    return join(this.folder, 'scratch');
  }

  /** Files that the service has on the disk. */
  get files() {
    return readdirSync(this.scratch, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
  }

  /** Of a process that does nothing, since it was last asked. */
  async idleDelay() {
    this.control ??= spawn(process.execPath, ['-e', CONTROL], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.control.stdin.write('\n');
    const [lines] = await once(this.control.stdout, 'data');
    return JSON.parse(String(lines).trim().split('\n').at(-1));
  }

  /** Memory in MiB, and the delay of the event loop in milliseconds since it was last asked, beside that of a process that does nothing. */
  async vitals() {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const read = (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)[1]);
    return {
      rss: read('process_resident_memory_bytes') / 2 ** 20,
      heap: read('nodejs_heap_size_used_bytes') / 2 ** 20,
      eventLoop: {
        p99: 1e3 * read('nodejs_eventloop_lag_p99_seconds'),
        max: 1e3 * read('nodejs_eventloop_lag_max_seconds'),
        idle: await this.idleDelay(),
      },
      files: this.files,
    };
  }

  async state(id) {
    return (await fetch(`${this.url}/v1/restorations/${id}`)).json();
  }

  /** What it has become, once it has ended. */
  async ended(id) {
    for (;;) {
      const state = await this.state(id);
      if (state.error || !['waiting', 'running'].includes(state.state)) return state;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends it in order: its exit status, and the files that it has left. */
  async stop() {
    this.control?.stdin.end();
    this.child.kill('SIGTERM');
    const status = await this.exited;
    const left = readdirSync(this.scratch).length;
    rmSync(this.folder, { recursive: true });
    return { status, left };
  }
}
