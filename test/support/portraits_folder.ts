import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { degrade, superResolution } from '../../src/index.js';
import { portraits } from './cli.js';

/** What `measurePortraits` does to them, as the command line spells it. */
export const TASK = ['--task', 'sr:8', '--sigma', '0.01'];

/** Writes measurements of the embedded model's samples, each with noise of its own, half of them into a folder below: their names. */
export async function measurePortraits(folder: string, count: number): Promise<string[]> {
  mkdirSync(join(folder, 'sub'), { recursive: true });
  const names: string[] = [];
  for (let k = 0; k < count; k++) {
    const sample = join(portraits, 'samples', `${String(k % 16).padStart(2, '0')}.png`);
    const name = `${k % 2 ? 'sub/' : ''}${String(k).padStart(3, '0')}.png`;
    const measured = await degrade(sample, { operator: superResolution({ factor: 8 }), sigma: 0.01, seed: k });
    writeFileSync(join(folder, name), await measured.toBuffer());
    names.push(name);
  }
  return names.sort();
}

/** A PNG that is small on the disk and says that it has more pixels than memory. */
export function hugePng(): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(60_000, 0);
  header.writeUInt32BE(60_000, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.alloc(1000))), chunk('IEND', Buffer.alloc(0))]);
}
