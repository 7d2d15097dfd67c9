import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cpuQuota, nodeFinding, platformFinding, processorFinding } from '../../src/doctor/machine.js';
import { type Diagnosis, diagnose, type FindingName } from '../../src/index.js';
import { execute, root } from '../support/cli.js';

// What a person runs where nothing else runs: a copy of the built installation, of which parts are missing or broken.

const folder = mkdtempSync(join(tmpdir(), 'latino-doctor-'));
const copy = join(folder, 'installation');
const ADDON = 'build/Release/latino.node';

beforeAll(() => {
  mkdirSync(copy);
  // Node finds a module's packages from where it really lies: what is looked at is copied, and its packages are linked.
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true });
  for (const name of ['package.json', 'models', 'pages']) symlinkSync(join(root, name), join(copy, name));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Installation {
  /** Packages that are not installed. */
  readonly without?: readonly string[];
  /** What lies in the addon's place: that of this checkout, nothing, or text. */
  readonly addon?: 'built' | 'missing' | 'broken';
  readonly environment?: Readonly<Record<string, string>>;
}

/** Makes such an installation and has it look at itself. */
async function doctor({ without = [], addon = 'built', environment = {} }: Installation, ...flags: string[]) {
  const packages = join(copy, 'node_modules');
  rmSync(packages, { recursive: true, force: true });
  mkdirSync(packages);
  for (const name of readdirSync(join(root, 'node_modules')))
    if (!without.includes(name)) symlinkSync(join(root, 'node_modules', name), join(packages, name));
  rmSync(join(copy, 'build'), { recursive: true, force: true });
  mkdirSync(dirname(join(copy, ADDON)), { recursive: true });
  if (addon === 'built') symlinkSync(join(root, ADDON), join(copy, ADDON));
  if (addon === 'broken') writeFileSync(join(copy, ADDON), 'no addon');
  // Of what the tests run on (test/support/device.ts) this installation knows nothing.
  const unset = ['LATINO_ORT_LIBRARY', 'LATINO_CUDA_ADDON', 'LATINO_DEVICE']
    .filter((name) => !(name in environment))
    .flatMap((name) => ['-u', name]);
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return execute(['/usr/bin/env', ...unset, ...variables, process.execPath, join(copy, 'dist/cli/main.js'), 'doctor', ...flags]);
}

const SICK: readonly [string, Installation, FindingName, RegExp][] = [
  [
    'without the addon',
    { addon: 'missing' },
    'addon',
    /Expected .* is not installed; run: npm install @latino-native\/\S+@\S+; or compile it with: npx latino-native build/,
  ],
  ['with an addon that is none', { addon: 'broken' }, 'addon', /cannot be used \(.*latino\.node.*\); \S+/],
  [
    'with LATINO_ADDON beside it',
    { environment: { LATINO_ADDON: '/nowhere/x.node' } },
    'addon',
    /\/nowhere\/x\.node but there is none; \S+/,
  ],
  ['without onnxruntime-node', { without: ['onnxruntime-node'] }, 'onnxruntime', /onnxruntime-node .* not installed; run: npm install/],
  [
    'with no ONNX Runtime where one is named',
    { environment: { LATINO_ORT_LIBRARY: '/nowhere.so' } },
    'onnxruntime',
    /at \/nowhere\.so but there is none; \S+/,
  ],
  [
    'with something else named',
    { environment: { LATINO_ORT_LIBRARY: join(root, 'package.json') } },
    'onnxruntime',
    /package\.json.*; name another/,
  ],
  ['without sharp', { without: ['sharp'] }, 'sharp', /cannot load it .*; run: npm install .*sharp/],
];

describe('doctor', () => {
  it('finds nothing wrong where nothing is', async () => {
    const { status, stdout, stderr } = await doctor({}, '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { canRestore, findings, loadSeconds, restoreSeconds } = JSON.parse(stdout) as Diagnosis;
    expect(canRestore).toBe(true);
    expect(Object.entries(findings).filter(([, finding]) => finding.status === 'failed')).toEqual([]);
    expect(findings.node.found).toBe(process.version);
    expect(findings.onnxruntime.found).toMatch(/^1\.\d+\.\d+, at \//);
    expect(findings.restoration.found).toMatch(/^128 × 128 in \d+\.\d\d s$/);
    for (const seconds of [loadSeconds, restoreSeconds]) expect(seconds).toBeGreaterThan(0);
  });

  it.each(SICK)('says what to do %s', async (_, installation, name, says) => {
    const { status, stdout, stderr } = await doctor(installation);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(new RegExp(`^latino-native: Expected an installation .* but ${name}, model, restoration failed \\[`)),
    });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.find((line) => line.includes(`  ${name}  `))).toMatch(new RegExp(`^failed  ${name} .*${says.source}`));
    for (const line of lines) expect(line).toMatch(/^(ok|failed|absent) {2,}[a-z]+ {2,}\S/);
    expect(lines).toHaveLength(11);
    expect(lines[0]).toBe(`ok      node         ${process.version}`);
  });

  it('has all of it as an object, also of what fails', async () => {
    const { status, stdout, stderr } = await doctor({ addon: 'missing', without: ['sharp', 'onnxruntime-node'] }, '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'ERR_LATINO_ADDON' } });
    const { canRestore, findings } = JSON.parse(stdout) as Diagnosis;
    expect(canRestore).toBe(false);
    for (const name of ['sharp', 'onnxruntime', 'addon', 'model', 'restoration'] as const)
      expect(findings[name]).toEqual({ status: 'failed', found: expect.any(String), remedy: expect.stringMatching(/\S/) });
    expect(findings.node.status).toBe('ok');
  });

  it('lets other commands say what is missing when they need it', async () => {
    await doctor({ without: ['sharp'] });
    const { status, stderr } = await execute([process.execPath, join(copy, 'dist/cli/main.js'), 'eval', 'a.png', 'b.png']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/no such file/);
    const picture = join(root, 'models/portraits-lcm/samples/00.png');
    const read = await execute([process.execPath, join(copy, 'dist/cli/main.js'), 'eval', picture, picture]);
    expect(read).toMatchObject({ status: 1, stderr: expect.stringMatching(/Expected the package sharp .*\[ERR_LATINO_ADDON\]\n$/) });
  });

  it('tells of each finding as it is made', async () => {
    const told: string[] = [];
    const { findings } = await diagnose((name) => told.push(name));
    expect(told).toEqual(Object.keys(findings));
  });
});

describe('a machine', () => {
  it('may be too old', () => {
    expect([nodeFinding('v20.18.3'), nodeFinding('v18.20.0')].map(({ status }) => status)).toEqual(['failed', 'failed']);
    expect([nodeFinding('v20.19.0'), nodeFinding('v24.0.0')].map(({ status }) => status)).toEqual(['ok', 'ok']);
    expect(processorFinding(['avx2'])).toMatchObject({ status: 'failed', found: expect.stringContaining('lacks avx2') });
    expect(platformFinding('win32')).toMatchObject({ status: 'failed', remedy: expect.stringContaining('WSL') });
  });

  it.each<[string, Record<string, string>, number | undefined]>([
    ['its own group', { 'proc/self/cgroup': '0::/a/b\n', 'sys/fs/cgroup/a/b/cpu.max': '150000 100000\n' }, 1.5],
    [
      'a group above',
      { 'proc/self/cgroup': '0::/a/b\n', 'sys/fs/cgroup/a/b/cpu.max': 'max 100000\n', 'sys/fs/cgroup/a/cpu.max': '200000 100000\n' },
      2,
    ],
    ['version 1', { 'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000\n', 'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' }, 0.5],
    [
      'version 1, without a limit',
      { 'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n', 'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' },
      undefined,
    ],
    ['no group', {}, undefined],
  ])('may have a quota of %s', (_, files, quota) => {
    const place = mkdtempSync(join(folder, 'root-'));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(place, name)), { recursive: true });
      writeFileSync(join(place, name), text);
    }
    expect(cpuQuota(place)).toBe(quota);
  });
});
