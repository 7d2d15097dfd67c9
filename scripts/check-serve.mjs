// Starts `latino-native serve`, has it restore a small picture, and stops it as a system does:
// node check-serve.mjs <picture> <command that is latino-native>...
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const [picture, program, ...words] = process.argv.slice(2);
const service = spawn(program, [...words, 'serve', '--port', '0', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
const ended = new Promise((resolve) => service.on('close', (status, signal) => resolve(signal ?? status)));
for await (const line of createInterface({ input: service.stdout })) {
  const { event, url } = JSON.parse(line);
  if (event !== 'ready') continue;
  try {
    await useIt(url);
  } finally {
    service.kill('SIGTERM');
  }
}
const end = await ended;
if (end !== 0) throw new Error(`Expected the service to end with status 0 but it ended with ${end}`);

async function useIt(url) {
  const ask = async (path, request) => {
    const response = await fetch(new URL(path, url), request);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  await ask('/healthz');
  const body = new FormData();
  for (const [name, value] of Object.entries({ task: 'sr:4', sigma: '0.01', steps: '1' })) body.append(name, value);
  body.append('file', new Blob([await readFile(picture)]), picture);
  let restoration = await (await ask('/v1/restorations', { method: 'POST', body })).json();
  while (restoration.state === 'waiting' || restoration.state === 'running') {
    await sleep(100);
    restoration = await (await ask(restoration.links.self)).json();
  }
  if (restoration.state !== 'done') throw new Error(`Expected a restoration that is done but received ${JSON.stringify(restoration)}`);
  const image = await (await ask(restoration.links.image)).arrayBuffer();
  if (Buffer.from(image).toString('latin1', 1, 4) !== 'PNG') throw new Error('Expected a PNG as the restored picture');
  console.log(`${url}: ${restoration.width} × ${restoration.height}, ${restoration.seconds.toFixed(2)} s`);
}
