import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchEntry } from '../../src/batch/entry.js';
import { outputName } from '../../src/batch/plan.js';
import { isOf, parseShare, within } from '../../src/batch/share.js';
import { openSource } from '../../src/batch/sources.js';
import { withCode } from '../support/errors.js';

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latino-sources-'));
  for (const name of ['photos/b/deep', 'photos/.hidden', 'photos/folder.png', 'photos/out', 'photos/a', 'photos/latino-report'])
    mkdirSync(at(name), { recursive: true });
  const files = [
    '2.png',
    '1.JPG',
    'notes.txt',
    '.thumb.png',
    'a/x.webp',
    'b/y.tif',
    'b/deep/z.heic',
    '.hidden/h.png',
    'out/1.png',
    'latino-report/thumbnail.webp',
    'folder.png/in.png',
  ];
  for (const name of files) writeFileSync(at(`photos/${name}`), '');
  symlinkSync('loop.png', at('photos/loop.png'));
  symlinkSync('nowhere', at('photos/gone'));
  symlinkSync('..', at('photos/b/up'));
  symlinkSync('deep', at('photos/b/same'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function entries(spelling: string, out = at('out')): Promise<BatchEntry[]> {
  const found: BatchEntry[] = [];
  for await (const entry of (await openSource(spelling))(out)) found.push(entry);
  return found;
}
const names = async (spelling: string, out?: string): Promise<string[]> => (await entries(spelling, out)).map(({ name }) => name);

describe('a folder', () => {
  it('gives its images and those below it, in order, without what is hidden and thumbnails of a report', async () => {
    expect(await names(at('photos'), at('photos/out'))).toEqual([
      ...['1.JPG', '2.png', 'a/x.webp', 'b/deep/z.heic', 'b/same/z.heic', 'b/up', 'b/y.tif'],
      ...['folder.png', 'loop.png'],
    ]);
  });

  it('says where a link leads round in a circle', async () => {
    const loop = (await entries(at('photos'))).find(({ name }) => name === 'b/up');
    expect(loop?.problem).toEqual(withCode('IMAGE', /cannot look into .+up: it leads back to .+photos/));
  });

  it('is no output folder of itself', async () => {
    await expect(entries(at('photos'), at('photos'))).rejects.toEqual(withCode('ARGUMENT', /output folder beside the inputs/));
  });
});

describe('a glob', () => {
  it('gives what it matches, named from its first part without a star', async () => {
    expect(await names(at('photos/**/*.{tif,webp}'))).toEqual(['a/x.webp', 'b/up', 'b/y.tif']);
    expect(await names(at('photos/[0-9].*'))).toEqual(['1.JPG', '2.png']);
    expect(await names(at('photos/*.txt'))).toEqual(['notes.txt']);
  });

  it('that cannot match, and a path without anything, are refused', async () => {
    for (const spelling of [at('nothing/*.png'), at('nothing')])
      await expect(openSource(spelling)).rejects.toEqual(
        withCode('ARGUMENT', /Expected a folder, a glob, a \.jsonl manifest or an image but there is no/),
      );
  });
});

describe('a manifest', () => {
  it('gives its lines, and those that are wrong with what is wrong', async () => {
    const lines = [
      { input: 'photos/1.JPG', sigma: 0.02, operator: 'sr:4' },
      '',
      { input: '../elsewhere/q.png', output: 'sub/q.webp', seed: 3 },
      { input: '/abs/r.png' },
      'no json',
      { input: 'x.png', sigma: 5 },
      { input: 'x.png', sigmma: 0.5 },
      { output: 'x.png' },
      { input: 'x.png', output: '../x.png' },
    ];
    writeFileSync(at('list.jsonl'), lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
    const found = await entries(at('list.jsonl'));
    expect(found.slice(0, 3).map(({ name }) => name)).toEqual(['photos/1.JPG', 'sub/q.webp', 'abs/r.png']);
    expect(found.slice(0, 3).map(({ path }) => path)).toEqual([at('photos/1.JPG'), join(tmpdir(), 'elsewhere/q.png'), '/abs/r.png']);
    expect(found[0]!.line).toMatchObject({ sigma: 0.02, operator: 'sr:4' });
    expect(found.slice(3).map(({ problem }) => problem)).toEqual([
      withCode('ARGUMENT', /line of JSON at .+list\.jsonl:5 but received no json/),
      withCode('ARGUMENT', /\(0, 1\] for sigma but received 5/),
      withCode('ARGUMENT', /list\.jsonl:7 but received sigmma: did you mean sigma\?/),
      withCode('ARGUMENT', /Expected a path for input but received nothing/),
      withCode('OUTPUT', /inside the output folder at .+list\.jsonl:9 but received \.\.\/x\.png/),
    ]);
  });
});

describe('shares', () => {
  const all = Array.from({ length: 500 }, (_, i) => `folder/${i}.png`);

  it('hold every image once', () => {
    for (const of of [1, 2, 3, 7]) {
      const shares = Array.from({ length: of }, (_, k) => all.filter((name) => isOf({ index: k + 1, of }, name)));
      expect(shares.flat().sort()).toEqual([...all].sort());
      for (const share of shares) expect(share.length).toBeGreaterThan(500 / of / 2);
    }
  });

  it('of a share divide it', () => {
    const share = { index: 2, of: 3 };
    const parts = [1, 2].flatMap((index) => all.filter((name) => isOf(within(share, { index, of: 2 }), name)));
    expect(parts.sort()).toEqual(all.filter((name) => isOf(share, name)).sort());
  });

  it('are spelled i/n', () => {
    expect(parseShare('2/8')).toEqual({ index: 2, of: 8 });
    for (const text of ['0/2', '3/2', '1', 'a/b', '1/2/3']) expect(() => parseShare(text)).toThrow(withCode('ARGUMENT', /share i\/n/));
  });
});

describe('the name of an output', () => {
  it('is that of the input, with an extension that can be written', () => {
    expect(['a/b.png', 'c.JPEG', 'd.heic', 'e'].map((name) => outputName(name))).toEqual(['a/b.png', 'c.JPEG', 'd.png', 'e.png']);
    expect(outputName('a/b.jpg', 'tif')).toBe('a/b.tif');
  });
});
