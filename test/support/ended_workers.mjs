// Ends 40 threads, one after another, in the middle of calls into the addon, in a process that has nothing else of it, and must live:
// node ended_workers.mjs <dist/device/load.js>. Prints how many it ended.
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

/** Reads the same four values for ever: what takes time is each call's way into C++, where the end then finds it. */
const READS = `
  const { parentPort } = require('node:worker_threads');
  import(${JSON.stringify(process.argv[2])}).then(async ({ loadAddon }) => {
    const tensor = loadAddon().openDevice('cpu').full([4], 1);
    parentPort.postMessage('reading');
    while (true) await Promise.all(Array.from({ length: 2000 }, () => tensor.read()));
  });
`;

let ended = 0;
for (; ended < 40; ended++) {
  const worker = new Worker(READS, { eval: true });
  await once(worker, 'message');
  await setTimeout(ended % 20);
  await worker.terminate();
}
process.stdout.write(`${ended}\n`);
