import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine, execute, type Outcome, portraits, run } from '../support/cli.js';

const sample = (name: string): string => join(portraits, `samples/${name}.png`);
const UNET = 'unet/diffusion_pytorch_model.safetensors';
const folder = mkdtempSync(join(tmpdir(), 'latino-bad-'));
const at = (name: string): string => join(folder, name);
/** Holds what the command line writes: nothing, in every test here. */
const outputs = at('outputs');
const output = join(outputs, 'restored.png');

beforeAll(async () => {
  mkdirSync(outputs);
  await sharp({ create: { width: 96, height: 64, channels: 3, background: 'black' } }).toFile(at('mask.png'));
});
afterAll(() => {
  chmodSync(outputs, 0o755);
  rmSync(folder, { recursive: true });
});

/** The embedded model with one file changed; the others are links to it. */
function modelWith(name: string, change: (root: string) => void): string {
  const root = at(name);
  const link = (from: string, to: string): void => {
    if (lstatSync(from).isDirectory()) {
      mkdirSync(to);
      for (const entry of readdirSync(from)) link(join(from, entry), join(to, entry));
    } else symlinkSync(from, to);
  };
  link(portraits, root);
  change(root);
  return root;
}

function replace(path: string, change: (bytes: Buffer) => Uint8Array | string): void {
  const bytes = readFileSync(path);
  unlinkSync(path);
  writeFileSync(path, change(bytes));
}

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

/** The .safetensors file with its header changed; the data stays. */
function withHeader(bytes: Buffer, change: (header: Header, firstWeight: string) => void): Buffer {
  const end = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, end)) as Header;
  change(header, 'conv_in.weight');
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, bytes.subarray(end)]);
}

const broken = (name: string, path: string, change: (bytes: Buffer) => Uint8Array | string) => (): string[] => [
  ...['restore', sample('03'), '--task', 'denoise', '--sigma', '0.1'],
  ...['--model', modelWith(name, (root) => replace(join(root, path), change))],
];
const restore = (...args: string[]): string[] => ['restore', ...args, '--sigma', '0.01'];

const cases: readonly [what: string, code: string, says: RegExp, args: () => string[]][] = [
  ['a missing image', 'IMAGE', /no such file/, () => restore(at('missing.png'), '--task', 'denoise')],
  ['a folder as image', 'IMAGE', /is not a file/, () => restore(folder, '--task', 'denoise')],
  ['a file that is no image', 'IMAGE', /cannot decode/, () => restore(file('text.png', 'not a picture'), '--task', 'denoise')],
  [
    'a truncated image',
    'IMAGE',
    /cannot decode/,
    () => restore(file('half.png', readFileSync(sample('03')).subarray(0, 4000)), '--task', 'denoise'),
  ],
  ['a size that the factor does not divide', 'SHAPE', /factor 7/, () => ['degrade', sample('03'), '--task', 'sr:7', '--sigma', '0.01']],
  [
    'a mask of another size',
    'SHAPE',
    /mask of the image's size 128 × 128 but received one of 96 × 64/,
    () => restore(sample('03'), '--task', `inpaint:${at('mask.png')}`),
  ],
  ['a missing mask', 'IMAGE', /no such file/, () => restore(sample('03'), '--task', `inpaint:${at('missing.png')}`)],
  ['sigma above its range', 'ARGUMENT', /sigma but received 7/, () => ['restore', sample('03'), '--task', 'denoise', '--sigma', '7']],
  ['sigma of zero', 'ARGUMENT', /sigma but received 0/, () => ['restore', sample('03'), '--task', 'denoise', '--sigma', '0']],
  ['sigma that is no number', 'ARGUMENT', /'abc' is invalid/, () => ['restore', sample('03'), '--task', 'denoise', '--sigma', 'abc']],
  ['a forgotten option', 'ARGUMENT', /'--task <operator>' not specified/, () => ['restore', sample('03'), '--sigma', '0.1']],
  ['an unknown option', 'ARGUMENT', /unknown option '--strength'/, () => restore(sample('03'), '--task', 'denoise', '--strength', '1')],
  ['too many steps', 'ARGUMENT', /steps but received 51/, () => restore(sample('03'), '--task', 'denoise', '--steps', '51')],
  ['an unknown kind of result', 'ARGUMENT', /for result but/, () => restore(sample('03'), '--task', 'denoise', '--result', 'best')],
  ['an unknown start', 'ARGUMENT', /for start but/, () => restore(sample('03'), '--task', 'denoise', '--start', 'grey')],
  ['a bit depth of 12', 'ARGUMENT', /bit depth but received 12/, () => restore(sample('03'), '--task', 'denoise', '--bit-depth', '12')],
  ['an unknown operator', 'OPERATOR', /sharpen/, () => restore(sample('03'), '--task', 'sharpen:2')],
  ['a factor out of range', 'OPERATOR', /64/, () => restore(sample('03'), '--task', 'sr:64')],
  ['a folder that is no model', 'MODEL', /no model_index\.json/, () => restore(sample('03'), '--task', 'denoise', '--model', outputs)],
  ['a missing model', 'MODEL', /does not exist/, () => restore(sample('03'), '--task', 'denoise', '--model', at('none'))],
  ['truncated weights', 'MODEL', /is truncated/, broken('truncated', UNET, (bytes) => bytes.subarray(0, bytes.length - 100))],
  [
    'a header longer than the file',
    'MODEL',
    /states a header of/,
    broken('header', UNET, (bytes) => bytes.subarray(0, Number(bytes.readBigUInt64LE(0)))),
  ],
  [
    'offsets outside the file',
    'MODEL',
    /is truncated: tensor conv_in\.weight/,
    broken('offsets', UNET, (bytes) =>
      withHeader(bytes, (header, name) => {
        header[name]!.data_offsets = header[name]!.data_offsets.map((offset) => offset + bytes.length) as [number, number];
      }),
    ),
  ],
  [
    'a shape that is not that of its bytes',
    'MODEL',
    /conv_in\.weight of \d+ bytes, expected/,
    broken('bytes', UNET, (bytes) => withHeader(bytes, (header, name) => header[name]!.shape.push(2))),
  ],
  [
    'a missing tensor',
    'MODEL',
    /has no weight conv_in\.weight/,
    broken('missing', UNET, (bytes) => withHeader(bytes, (header, name) => delete header[name])),
  ],
  [
    'a tensor of another shape',
    'MODEL',
    /conv_in\.weight of shape .*, expected/,
    broken('shape', UNET, (bytes) => withHeader(bytes, (header, name) => header[name]!.shape.reverse())),
  ],
  [
    'a text encoder without a tensor',
    'MODEL',
    /has no weight/,
    broken('text', 'text_encoder/model.safetensors', (bytes) =>
      withHeader(bytes, (header) => {
        for (const name of Object.keys(header)) if (name.endsWith('final_layer_norm.weight')) delete header[name];
      }),
    ),
  ],
  ['a header that is no JSON', 'MODEL', /does not parse/, broken('json', UNET, (bytes) => bytes.fill(0x7b, 8, 20))],
  ['a config that is no JSON', 'MODEL', /Expected JSON/, broken('config', 'unet/config.json', () => '{')],
  ['a config of another network', 'MODEL', /not supported/, broken('network', 'unet/config.json', () => '{"in_channels": "four"}')],
  [
    'a checkpoint of pickles',
    'MODEL',
    /pickle, which is never executed/,
    () => {
      const pickled = modelWith('pickled', (root) => {
        unlinkSync(join(root, UNET));
        writeFileSync(join(root, 'unet/diffusion_pytorch_model.bin'), '');
      });
      return restore(sample('03'), '--task', 'denoise', '--model', pickled);
    },
  ],
];

function file(name: string, contents: Uint8Array | string): string {
  writeFileSync(at(name), contents);
  return at(name);
}

function directory(name: string): string {
  mkdirSync(at(name));
  return at(name);
}

function expectFailure({ status, stdout, stderr }: Outcome, code: string, says: RegExp): void {
  expect({ status, stdout, stderr }).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(says) });
  expect(stderr).toMatch(new RegExp(`^latino-native: .+ \\[ERR_LATINO_${code}\\]\\n$`));
}

describe('bad input is one sentence with a code, status 2, and nothing written', () => {
  it.each(cases)('%s', async (_what, code, says, args) => {
    expectFailure(await run(...args(), '-o', output), code, says);
    expect(readdirSync(outputs)).toEqual([]);
  });

  it('is JSON where JSON is asked for', async () => {
    const { status, stdout, stderr } = await run(...restore(at('missing.png'), '--task', 'denoise'), '-o', output, '--json');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(JSON.parse(stderr)).toEqual({ error: { code: 'ERR_LATINO_IMAGE', message: expect.stringContaining('no such file') } });
  });
});

const denoise = ['restore', sample('03'), '--task', 'denoise', '--sigma', '0.1', '--steps', '1'];
/** The program without what lets root ignore permissions. */
const unprivileged = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : [];

function works(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('an output that cannot be written is said before and after the work', () => {
  it.each([
    ['in a folder that is not there', () => at('none/restored.png'), /its folder does not exist/],
    ['in a file', () => join(file('plain', ''), 'restored.png'), /its folder is not a folder/],
    ['in place of a folder', () => directory('folder.png'), /it is a folder/],
    ['of an unknown format', () => join(outputs, 'restored.xyz'), /as the output's extension/],
  ])('%s', async (_what, path, says) => {
    expectFailure(await run(...denoise, '-o', path()), 'OUTPUT', says);
    expect(readdirSync(outputs)).toEqual([]);
  });

  it.skipIf(process.platform === 'win32' || (unprivileged.length > 0 && !works('setpriv', '--version')))('without permission', async () => {
    chmodSync(outputs, 0o555);
    const outcome = await execute([...unprivileged, ...commandLine, ...denoise, '-o', output]).finally(() => chmodSync(outputs, 0o755));
    expectFailure(outcome, 'OUTPUT', /no permission/);
    expect(readdirSync(outputs)).toEqual([]);
  });

  // A file system of its own, seen by this process and its children alone: `script` runs with the mount point as $0.
  const mounted = (options: string, script: string): string[] => [
    ...['unshare', '--mount', '--user', '--map-root-user'],
    ...['sh', '-c', `mount -t tmpfs -o ${options} tmpfs "$0" && { ${script}; }`, outputs],
  ];
  const canMount =
    process.platform === 'linux' && works('unshare', '--mount', '--user', '--map-root-user', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir());
  const shell = (args: readonly string[]): string => args.map((arg) => `'${arg}'`).join(' ');

  it.skipIf(!canMount)('on a full disk', async () => {
    const command = `${shell([...commandLine, ...denoise, '-o', output])}; status=$?; ls -A "$0"; exit $status`;
    expectFailure(await execute(mounted('size=8k', command)), 'OUTPUT', /the disk is full/);
  });

  it.skipIf(!canMount)('on a read-only file system', async () => {
    expectFailure(await execute(mounted('ro', shell([...commandLine, ...denoise, '-o', output]))), 'OUTPUT', /read-only/);
  });

  it.skipIf(process.platform === 'win32')('beyond the limit on the size of files', async () => {
    const outcome = await execute(['bash', '-c', `ulimit -f 8; exec ${shell([...commandLine, ...denoise, '-o', output])}`]);
    expectFailure(outcome, 'OUTPUT', /larger than a limit allows/);
    expect(readdirSync(outputs)).toEqual([]);
  });
});

describe('a run that is interrupted', () => {
  it.skipIf(process.platform === 'win32')('ends with 130 and writes nothing', async () => {
    const wide = at('wide.png');
    expect(await run('degrade', sample('03'), '--task', 'denoise', '--sigma', '0', '-o', wide)).toMatchObject({ status: 0 });
    // The result would be of 1024 × 1024 pixels: many minutes of work, if nobody stopped it.
    const args = ['restore', wide, '--task', 'sr:8', '--sigma', '0.1', '--steps', '50', '-o', output];
    const begun = performance.now();
    const { status, stdout } = await execute([...commandLine, ...args], (child) => void setTimeout(3000).then(() => child.kill('SIGINT')));
    expect({ status, stdout }).toEqual({ status: 130, stdout: '' });
    expect(performance.now() - begun).toBeLessThan(60_000);
    expect(readdirSync(outputs)).toEqual([]);
  });
});

describe('what ONNX Runtime refuses', () => {
  it('is an error with its message, and no line of its own on standard error', async () => {
    const built = (module: string): string => JSON.stringify(new URL(`../../dist/${module}.js`, import.meta.url).href);
    const script = `
      const { loadAddon } = await import(${built('device/load')});
      const { Graph } = await import(${built('graph/graph')});
      const { compile } = await import(${built('graph/compile')});
      const { cpu } = await import(${built('graph/targets/cpu/cpu')});
      const graph = new Graph('test', {});
      const inputs = ['x', 'y'].map((name) => graph.input(name, 'f32', [name]));
      graph.output('sum', graph.op('Add', inputs, { dims: ['x'] }));
      const { model, options } = compile(graph, cpu);
      const addon = loadAddon();
      const device = addon.openDevice('cpu');
      const session = await addon.createSession(device, model, options);
      const { sum } = session.run({ x: device.full([2], 1), y: device.full([3], 1) }, { sum: [2] });
      await sum.read().catch(({ message }) => console.log(message));`;
    const outcome = await execute([process.execPath, '--input-type=module', '-e', script]);
    expect(outcome).toEqual({ status: 0, stdout: expect.stringMatching(/Add node/), stderr: '' });
  });
});
