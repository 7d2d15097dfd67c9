import { readFileSync } from 'node:fs';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { byteSize } from '../byte_size.js';
import { missingFeatures, REQUIRED_FEATURES } from '../device/processor.js';
import { machineMemory } from '../machine_memory.js';
import { type Finding, failed, ok } from './finding.js';

const OLDEST_NODE = [20, 19] as const;
/** What a restoration with an embedded model has taken at most, from the shell. */
const LEAST_BYTES = 256 * 2 ** 20;

export function nodeFinding(version = process.version): Finding {
  const [major = 0, minor = 0] = version.slice(1).split('.').map(Number);
  const isNewEnough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  return isNewEnough ? ok(version) : failed(`${version} is too old`, `install Node ${OLDEST_NODE.join('.')} or newer`);
}

export function platformFinding(platform: string = process.platform): Finding {
  const found = `${platform} ${process.arch}, ${os.release()}`;
  return platform === 'linux' || platform === 'darwin' ? ok(found) : failed(`${found} is not supported`, 'use Linux, WSL 2 or macOS');
}

export function processorFinding(lacking = missingFeatures()): Finding {
  const model = os.cpus()[0]?.model.trim() || process.arch;
  if (lacking.length > 0)
    return failed(`${model} lacks ${lacking.join(', ')}`, 'use a machine with AVX2 (Intel Haswell, AMD Zen, or newer)');
  const isKnown = process.platform === 'linux' && process.arch === 'x64';
  return ok(isKnown ? `${model}, with ${REQUIRED_FEATURES.join(', ')}` : model);
}

/** @param threads of a device, which knows affinity and quota; where none could be opened what Node knows */
export function threadsFinding(threads = os.availableParallelism()): Finding {
  const quota = cpuQuota();
  return ok(`${threads} of ${os.cpus().length} cores${quota === undefined ? '' : `; the container's quota is ${quota}`}`);
}

export function memoryFinding(): Finding {
  const [total, limit, available] = [os.totalmem(), machineMemory(), process.availableMemory()];
  const inContainer = limit < total ? `; the container's limit is ${byteSize(limit)}` : '';
  const found = `${byteSize(available)} available of ${byteSize(total)}${inContainer}`;
  return available < LEAST_BYTES ? failed(found, 'end what else is running, or give the container more') : ok(found);
}

/** Cores that this process' control groups let it use, where they set a limit. */
export function cpuQuota(root = '/'): number | undefined {
  const path = /^0::(\/.*)$/m.exec(textOf(join(root, 'proc/self/cgroup')))?.[1] ?? '/';
  const limits: number[] = [];
  for (let group = path; ; group = dirname(group)) {
    limits.push(ratioOf(textOf(join(root, 'sys/fs/cgroup', group, 'cpu.max')).split(' ')));
    if (group === '/') break;
  }
  // Version 1, as a container sees its own group.
  limits.push(ratioOf(['quota', 'period'].map((name) => textOf(join(root, `sys/fs/cgroup/cpu/cpu.cfs_${name}_us`)))));
  const least = Math.min(...limits);
  return Number.isFinite(least) ? Math.round(100 * least) / 100 : undefined;
}

/** `max`, and -1, are no limit; nor is what is not there. */
function ratioOf([quota, period]: readonly string[]): number {
  const ratio = Number.parseInt(quota ?? '', 10) / Number.parseInt(period ?? '', 10);
  return ratio > 0 ? ratio : Infinity;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
