import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { program } from '../../src/cli/run.js';
import { root } from '../support/cli.js';
import { cliPage } from '../support/cli_page.js';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const tracked = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.includes('node_modules'))
    .map((name) => join(folder, name));
const pages = ['README.md', ...tracked('docs')].filter((name) => name.endsWith('.md'));
const codes = (text: string): string[] => [...new Set(text.match(/\b(?:ERR|WARN)_LATINO_[A-Z_]*[A-Z]\b/g))].sort();

describe('the documentation', () => {
  it('has every code of an error and of a warning, and none that there is not', () => {
    const sources = tracked('src').filter((name) => name.endsWith('.ts'));
    const rows = read('docs/errors.md')
      .split('\n')
      .flatMap((line) => line.match(/^\| `(\w+)` \|/)?.[1] ?? []);
    expect([...new Set(rows)].sort()).toEqual(codes(sources.map(read).join('\n')));
  });

  it('has the commands as they are', async () => {
    const commands = program({ out: process.stdout, err: process.stderr, interruption: () => AbortSignal.abort() }, '');
    await expect(cliPage(commands)).toMatchFileSnapshot(join(root, 'docs/cli.md'));
  });

  it.each(pages)('%s points at nothing that is not there', (page) => {
    const text = read(page);
    const linked = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g)].map(([, target]) => join(dirname(page), target!));
    const named = [...text.matchAll(/`((?:docs|bench|examples|models|test|scripts|native|src)\/[\w./-]*\w)`/g)].map(
      ([, target]) => target!,
    );
    for (const target of [...linked, ...named]) expect(() => statSync(join(root, normalize(target))), target).not.toThrow();
  });
});
