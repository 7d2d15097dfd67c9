// Starts `latino-native serve` of the folder that this runs in, asks whether it is well, and stops it as a system does.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const service = spawn(process.execPath, ['node_modules/latino-native/dist/cli/main.js', 'serve', '--port', '0', '--json'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = new Promise((resolve) => service.on('close', (status, signal) => resolve(signal ?? status)));
for await (const line of createInterface({ input: service.stdout })) {
  const { event, url } = JSON.parse(line);
  if (event !== 'ready') continue;
  const { status } = await fetch(new URL('/healthz', url));
  console.log(`${url}/healthz: ${status}`);
  if (status !== 200) process.exitCode = 1;
  service.kill('SIGTERM');
}
const end = await ended;
if (end !== 0) throw new Error(`Expected the service to end with status 0 but it ended with ${end}`);
