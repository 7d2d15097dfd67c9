import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ImageRecord, Journal, readJournals } from '../../src/batch/journal.js';
import { Outcomes } from '../../src/batch/outcomes.js';
import { withCode } from '../support/errors.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latino-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const WHOLE = { index: 1, of: 1 };
const hex = (n: number): string => n.toString(16).padStart(16, '7').padEnd(64, '0');
const record = (n: number, more: Partial<ImageRecord> = {}): ImageRecord => ({
  kind: 'image',
  id: hex(n),
  input: `/in/${n}.png`,
  output: `${n}.png`,
  status: 'done',
  seed: 0,
  seconds: 0.1,
  finishedAt: new Date(1e12 + n).toISOString(),
  ...more,
});
const path = (): string => join(folder, 'latino-batch.jsonl');

async function write(...records: ImageRecord[]): Promise<void> {
  await using journal = await Journal.open(folder, WHOLE);
  await Promise.all(records.map((each) => journal.append(each)));
}
async function outputs(): Promise<string[]> {
  const names: string[] = [];
  for await (const each of readJournals(folder)) if (each.kind === 'image') names.push(each.output);
  return names;
}

describe('a journal', () => {
  it('keeps what is added, in order, over several runs', async () => {
    await write(record(1), record(2));
    await write(record(3));
    expect(await outputs()).toEqual(['1.png', '2.png', '3.png']);
  });

  it('loses no more than a line that was cut off anywhere', async () => {
    await write(record(1), record(2));
    const whole = readFileSync(path());
    const first = whole.indexOf('\n') + 1;
    for (let length = first; length < whole.length; length++) {
      writeFileSync(path(), whole.subarray(0, length));
      expect(await outputs()).toEqual(length === whole.length - 1 ? ['1.png', '2.png'] : ['1.png']);
      await write(record(3));
      expect(await outputs()).toEqual(['1.png', '3.png']);
    }
  });

  it('finds the last line where what follows is longer than a block', async () => {
    await write(record(1));
    appendFileSync(path(), 'x'.repeat(200_000));
    await write(record(2));
    expect(await outputs()).toEqual(['1.png', '2.png']);
  });

  it('passes over lines that it does not know, and refuses a later version', async () => {
    await write(record(1));
    appendFileSync(path(), 'no JSON\nnull\n{"kind":"note"}\n\n');
    await write(record(2));
    expect(await outputs()).toEqual(['1.png', '2.png']);
    appendFileSync(path(), '{"kind":"run","version":2}\n');
    await expect(outputs()).rejects.toEqual(withCode('OUTPUT', /journal of version 1/));
  });

  it('is no file that can be written where there is a folder', async () => {
    await expect(Journal.open(join(folder, 'nowhere'), WHOLE)).rejects.toEqual(withCode('OUTPUT', /folder does not exist/));
  });
});

describe('outcomes', () => {
  it('are those of the last record of an output, of whichever journal', async () => {
    await write(record(1), record(2), record(3, { status: 'failed', error: { code: 'E', message: 'm' } }));
    await using share = await Journal.open(folder, { index: 2, of: 3 });
    const later = new Date(2e12).toISOString();
    await share.append(record(2, { id: hex(22), finishedAt: later }));
    await share.append(record(3, { finishedAt: later }));
    await share.append(record(1, { id: hex(11), finishedAt: new Date(1e11).toISOString() }));
    const known = await Outcomes.read(folder);
    expect(known.of('1.png', hex(1))).toBe('done');
    expect(known.of('1.png', hex(11))).toBeUndefined();
    expect(known.of('2.png', hex(2))).toBeUndefined();
    expect(known.of('2.png', hex(22))).toBe('done');
    expect(known.of('3.png', hex(3))).toBe('done');
    expect(known.failure('3.png')).toBeUndefined();
    expect(known.of('4.png', hex(4))).toBeUndefined();
  });

  it('of ten thousand images are told apart', async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => record(n, { id: hex(n * 7919), status: n % 3 === 0 ? 'failed' : 'done' }));
    writeFileSync(path(), many.map((each) => `${JSON.stringify(each)}\n`).join(''));
    const known = await Outcomes.read(folder);
    for (const { output, id, status } of many) expect(known.of(output, id)).toBe(status);
    expect(known.wasWritten('1.png')).toBe(true);
    expect(known.wasWritten('3.png')).toBe(false);
  });
});
