import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Of this host: process numbers of another, which may share its temporary files, say nothing here. */
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
const NAME = /^latino-service-([0-9a-f]{8})-(\d+)-/;
/** Of this process; a folder of its number that is none of them was left by another before a container's restart. */
const OWN = new Set<string>();

/** A folder for the files of one service, that no other user may read; what is in it goes when the service does. */
export class ScratchFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  /** Makes one, and removes those that killed services have left. */
  static async open(parent = tmpdir()): Promise<ScratchFolder> {
    await removeLeftovers(parent);
    const path = await mkdtemp(join(parent, `latino-service-${HOST}-${process.pid}-`));
    OWN.add(path);
    return new ScratchFolder(path);
  }

  /** Where a file is in it; names are those that the service makes up. */
  file(name: string): string {
    return join(this.path, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
    OWN.delete(this.path);
  }
}

async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    const [, host, pid] = NAME.exec(name) ?? [];
    const path = join(parent, name);
    if (host !== HOST || OWN.has(path) || (Number(pid) !== process.pid && lives(Number(pid)))) continue;
    // One of another user stays.
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
