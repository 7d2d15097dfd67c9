import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operatorsTable } from '../../src/operators/index.js';
import { execute, portraits, root, run } from '../support/cli.js';

// Whatever README and docs show runs as it stands there: ```ts against the built package, ```sh by the command line, in a folder with the
// files that they name. A comment before a snippet says where it cannot.

interface Snippet {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** What the comment before it says: `needs a checkpoint`, or why it is not run. */
  readonly mark?: string;
}

const pages = ['README.md', ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name))];
const snippets = pages.filter((page) => page.endsWith('.md')).flatMap(snippetsOf);
const runnable = snippets.filter(({ mark }) => !mark?.startsWith('not run: '));
const named = (language: string) =>
  runnable.filter((snippet) => snippet.language === language).map((snippet) => [`${snippet.page}:${snippet.line}`, snippet] as const);

function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/(?:^<!-- ([^\n]+) -->\n)?^```(\w*)\n(.*?)^```$/gms)].map(({ 1: mark, 2: language, 3: code, index }) => ({
    page,
    line: text.slice(0, index).split('\n').length,
    language: language!,
    code: code!,
    mark,
  }));
}

/** Calibrations, where a machine has much else to do. */
const timeout = 600_000;
const folder = mkdtempSync(join(tmpdir(), 'latino-snippets-'));
/** Where a snippet runs, with the files that it names. */
const home = join(folder, 'home');
const start = process.cwd();

beforeAll(async () => {
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/latino-native'));
  symlinkSync(join(root, 'node_modules/@types'), join(folder, 'node_modules/@types'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  const compilerOptions = {
    ...{ strict: true, skipLibCheck: true, types: ['node'], rootDir: '.', outDir: 'out' },
    ...{ target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable'], module: 'NodeNext', moduleResolution: 'NodeNext' },
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  for (const [, snippet] of named('ts')) writeFileSync(join(folder, fileOf(snippet, 'ts')), snippet.code);

  mkdirSync(join(home, 'small'), { recursive: true });
  const sample = join(portraits, 'samples/03.png');
  const copies = ['1.png', '2.png', '3.png', '4.png', 'small/1.png', 'small/2.png'];
  await run('degrade', sample, '--task', 'sr:8', '--sigma', '0.01', '-o', join(home, 'small.png'));
  const photograph = join(root, 'models/photos-lcm/samples/chelsea.png');
  // With noise that is known, to a picture and to what is made of it.
  await run('degrade', photograph, '--task', 'denoise', '--sigma', '0.02', '-o', join(home, 'photo.png'));
  await run('degrade', photograph, '--task', 'sr:4', '--sigma', '0.01', '-o', join(home, 'measurement.png'));
  for (const name of copies) cpSync(join(home, 'small.png'), join(home, name));
  process.chdir(home);
});
afterAll(() => {
  process.chdir(start);
  rmSync(folder, { recursive: true });
});

const fileOf = ({ page, line }: Snippet, extension: string): string => `${page.replaceAll(/\W/g, '_')}_${line}.${extension}`;

describe('code of the documentation', () => {
  it('is in fences of a known language, so that none goes unseen', () => {
    expect(named('ts').length).toBeGreaterThan(2);
    expect(named('sh').length).toBeGreaterThan(2);
    expect(snippets.filter(({ page, language }) => !['ts', 'sh'].includes(language) && page !== 'docs/architecture.md')).toEqual([]);
    for (const page of new Set(snippets.map(({ page }) => page)))
      expect(readFileSync(join(root, page), 'utf8'), page).not.toMatch(/^ {4}(npx |latino-native |import |const |await )/m);
  });

  it('has types that fit those of the package', () => {
    try {
      execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { stdio: 'pipe', encoding: 'utf8' });
    } catch (error) {
      throw new Error((error as { stdout: string }).stdout);
    }
  });

  it.each(named('ts'))('%s runs', { timeout }, async (_place, snippet) => {
    const { status, stderr } = await execute([process.execPath, join(folder, 'out', fileOf(snippet, 'js'))]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it.each(named('sh'))('%s runs', { timeout }, async (_place, { code, mark }) => {
    const commands = commandsOf(code);
    expect(commands.length).toBeGreaterThan(0);
    for (const [program, ...args] of commands) {
      expect(program).toBe('latino-native');
      const { status, stderr } = await run(...args);
      // A checkpoint that is not there is the only thing that may be wrong.
      if (mark === 'needs a checkpoint')
        expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringMatching(/does not exist .*MODEL\]\n$/) });
      else expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    }
  });
});

/** The words of every `npx` command, as a shell splits and expands them. */
function commandsOf(code: string): string[][] {
  const script = `npx() { printf '%s\\0' "$@" ''; }\n${code}`;
  const words = execFileSync('bash', ['-euc', script], { encoding: 'utf8' }).split('\0');
  const commands: string[][] = [[]];
  for (const word of words.slice(0, -1)) {
    if (word === '') commands.push([]);
    else commands.at(-1)!.push(word);
  }
  return commands.slice(0, -1);
}

describe('the table of operators', () => {
  it('is that of the registry', () => {
    expect(readFileSync(join(root, 'docs/operators.md'), 'utf8')).toContain(`\n${operatorsTable()}\n`);
  });
});
