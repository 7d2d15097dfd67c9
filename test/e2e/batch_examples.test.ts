import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { Job } from 'kubernetes-models/batch/v1/Job';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { commandLine, execute, portraits, root, run } from '../support/cli.js';
import { RedisServer, redisServer } from '../support/redis.js';

// What examples/batches holds and docs/batches.md points at.

const examples = join(root, 'examples/batches');
const scripts = readdirSync(examples).filter((name) => name.endsWith('.sh'));
const example = (name: string): string => readFileSync(join(examples, name), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'latino-examples-'));
const at = (name: string): string => join(folder, name);
const NAMES = ['00.png', '01.png', '02.png', '03.png'];

beforeAll(async () => {
  mkdirSync(at('in'));
  for (const name of NAMES)
    await sharp(join(portraits, 'samples', name))
      .resize(32)
      .toFile(at(`in/${name}`));
  writeFileSync(at('in/broken.png'), '');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a script as a shell does that has these variables; the package is this checkout's. */
const shell = (script: string, variables: Readonly<Record<string, string>>, watch?: Parameters<typeof execute>[1]) =>
  execute(['env', ...Object.entries({ LATINO: commandLine.join(' '), ...variables }).map(([k, v]) => `${k}=${v}`), 'sh', script], watch);
const results = (out: string): string[] => readdirSync(at(out)).filter((name) => name.endsWith('.png'));

describe('the examples', () => {
  it('are all that the page points at, and all pointed at', () => {
    const page = readFileSync(join(root, 'docs/batches.md'), 'utf8');
    const named = new Set([...page.matchAll(/\(\.\.\/examples\/batches\/([\w.-]+)\)/g)].map(([, name]) => name!));
    expect([...named].sort()).toEqual(readdirSync(examples).sort());
  });

  it.each(scripts)('%s is a shell script', (name) => {
    execFileSync('sh', ['-n', join(examples, name)]);
  });

  const shellcheck = ['/usr/bin/shellcheck', '/usr/local/bin/shellcheck'].find(existsSync);
  it.skipIf(!shellcheck)(`have nothing that shellcheck finds fault with${shellcheck ? '' : ' (skipped: it is not here)'}`, () => {
    execFileSync(
      shellcheck!,
      scripts.map((name) => join(examples, name)),
    );
  });

  it.each([
    ['kubernetes-indexed-job.yaml', Job, 'batch/v1', 'IJob'],
    ['kubernetes-workers.yaml', Deployment, 'apps/v1', 'IDeployment'],
  ] as const)('%s is what Kubernetes takes', async (name, Model, group, type) => {
    const manifest = parse(example(name)) as Record<string, unknown>;
    // Values against Kubernetes' schema; it lets unknown keys pass, which the compiler does not in a literal.
    new Model(manifest as never).validate();
    const checked = mkdtempSync(join(folder, 'types-'));
    symlinkSync(join(root, 'node_modules'), join(checked, 'node_modules'));
    const compile = (value: unknown) => {
      const source = `import type { ${type} } from 'kubernetes-models/${group}';\nexport const manifest: ${type} = ${JSON.stringify(value)};\n`;
      writeFileSync(join(checked, 'manifest.ts'), source);
      const flags = [
        '--ignoreConfig',
        '--noEmit',
        '--strict',
        '--skipLibCheck',
        '--target',
        'ES2022',
        '--module',
        'ESNext',
        '--moduleResolution',
        'Bundler',
      ];
      return execute([join(root, 'node_modules/.bin/tsc'), ...flags, join(checked, 'manifest.ts')]);
    };
    expect(await compile(manifest)).toMatchObject({ status: 0, stdout: '' });
    expect((await compile({ ...manifest, spek: {} })).stdout).toMatch(/'"spek"' does not exist/);
  });

  it('run as a Slurm array, one task after the other: shares that make up the whole', async () => {
    const variables = { INPUT: at('in'), OUTPUT: at('array'), SLURM_ARRAY_TASK_COUNT: '2', SLURM_ARRAY_TASK_MIN: '5' };
    const task = (id: string) => shell(join(examples, 'slurm-array.sh'), { ...variables, SLURM_ARRAY_TASK_ID: id });
    // The broken image is the share's, not the task's.
    expect(await task('5')).toMatchObject({ status: 0 });
    expect(results('array').length).toBeLessThan(NAMES.length);
    expect(await task('6')).toMatchObject({ status: 0 });
    expect(results('array')).toEqual(NAMES);
    expect(existsSync(at('array/report.html'))).toBe(false);
    expect(await run('report', at('array'))).toMatchObject({ status: 0, stdout: expect.stringContaining('4 restored, 1 failed') });
    expect(await shell(join(examples, 'slurm-array.sh'), { ...variables, INPUT: at('nowhere'), SLURM_ARRAY_TASK_ID: '5' })).toMatchObject({
      status: 2,
    });
  });

  it('run as the pods of an indexed job do', async () => {
    const { spec } = parse(example('kubernetes-indexed-job.yaml')) as IndexedJob;
    const { command, args, env } = spec.template.spec.containers[0]!;
    expect(env).toContainEqual({ name: 'SHARES', value: String(spec.completions) });
    // As the container's shell has it, but that the program and the folders are ours.
    const [node, main] = commandLine;
    const line = args[0]!.replace('exec latino-native', `exec ${node} ${main}`).replaceAll('/images/', `${folder}/`);
    const pod = (index: number) =>
      execute(['env', 'SHARES=2', `JOB_COMPLETION_INDEX=${index}`, ...command, line.replace(at('measurements'), at('in'))]);
    const statuses = await Promise.all([0, 1].map(async (index) => (await pod(index)).status));
    // With one of those for which no index is tried again.
    expect(statuses.sort()).toEqual([0, 3]);
    expect(spec.podFailurePolicy.rules[0]!.onExitCodes!.values).toContain(3);
    expect(results('restored')).toEqual(NAMES);
  });

  it.skipIf(!redisServer)(`run with BullMQ${redisServer ? '' : ' (skipped: there is no redis-server here)'}`, async () => {
    const redis = await RedisServer.start();
    const variables = { QUEUE: redis.url, INPUT: at('in'), OUTPUT: at('queue') };
    let stop: () => void = () => undefined;
    const worker = shell(join(examples, 'bullmq-worker.sh'), variables, (child) => {
      stop = () => child.kill('SIGTERM');
    });
    const batch = await shell(join(examples, 'bullmq-batch.sh'), variables);
    expect(batch).toMatchObject({ status: 3, stdout: expect.stringContaining('4 restored, 1 failed') });
    expect(results('queue')).toEqual(NAMES);
    expect(existsSync(at('queue/report.html'))).toBe(true);
    stop();
    expect(await worker).toMatchObject({ status: 0, stdout: expect.stringMatching(/^waiting for images/) });
    await redis.dispose();
  });
});

interface IndexedJob {
  spec: {
    completions: number;
    podFailurePolicy: { rules: { onExitCodes?: { values: number[] } }[] };
    template: { spec: { containers: { command: string[]; args: string[]; env: { name: string; value: string }[] }[] } };
  };
}
