import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { PLATFORMS } from '../../src/device/platforms.js';
import { root } from '../support/cli.js';

// The workflows run elsewhere; that they are in order with the Makefile, the scripts and the platforms can be seen here.

interface Job {
  readonly needs?: string | readonly string[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly { readonly run?: string; readonly uses?: string; readonly with?: Readonly<Record<string, unknown>> }[];
}
interface Workflow {
  readonly on: unknown;
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = join(root, '.github/workflows');
const read = (name: string): Workflow => {
  const document = parseDocument(readFileSync(join(folder, name), 'utf8'), { strict: true });
  expect([...document.errors, ...document.warnings]).toEqual([]);
  return document.toJS() as Workflow;
};
const commandsOf = ({ steps }: Job): string => steps.map(({ run }) => run ?? '').join('\n');

describe.each(readdirSync(folder))('%s', (name) => {
  it('may read and no more, and calls what is there', () => {
    const { permissions, jobs } = read(name);
    expect(permissions).toEqual({ contents: 'read' });
    const targets = readFileSync(join(root, 'Makefile'), 'utf8');
    for (const job of Object.values(jobs)) {
      const commands = commandsOf(job);
      for (const [, words] of commands.matchAll(/^make (.+)$/gm))
        for (const target of words!.split(' ').filter((word) => /^[a-z-]+$/.test(word)))
          expect(targets).toMatch(new RegExp(`^${target}:`, 'm'));
      for (const [, file] of commands.matchAll(/(?:bash|node) ((?:scripts|\.ci)\/\S+)/g))
        expect(existsSync(join(root, file!)), file).toBe(true);
    }
  });
});

describe('release.yml', () => {
  const { jobs } = read('release.yml');
  const makers = Object.entries(jobs).filter(([name]) => name !== 'publish');

  it('makes the main package and that of each platform, once', () => {
    const made = makers.flatMap(([, job]) => /PACKAGES="?([\w -]+)/.exec(commandsOf(job))![1]!.split(' '));
    expect(made.toSorted()).toEqual(['main', ...PLATFORMS].toSorted());
  });

  it('publishes, with a statement of where they were built, when all are there', () => {
    const publish = jobs.publish!;
    expect(publish.needs).toEqual(makers.map(([name]) => name));
    expect(commandsOf(publish)).toMatch(/check\.mjs release --complete[\s\S]+npm publish --provenance --access public/);
    for (const [name, { permissions }] of Object.entries(jobs))
      expect(permissions?.['id-token'], name).toBe(name === 'publish' ? 'write' : undefined);
  });
});
