import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

// Test files that run at a time each get cores of their own, they and the processes that they start: threads that wait for one another, spinning, on
// cores that others use take several times as long. Where the system cannot do that, tests only take longer.
const workers = Number(process.env.LATINO_TEST_WORKERS);
const cores = availableParallelism();
const place = (Number(process.env.VITEST_POOL_ID) - 1) % workers;
if (process.platform === 'linux' && cores >= workers) {
  const [first, end] = [place, place + 1].map((k) => Math.floor((k * cores) / workers)) as [number, number];
  spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', `${first}-${end - 1}`, String(process.pid)]);
}
