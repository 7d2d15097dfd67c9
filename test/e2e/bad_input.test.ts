import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal, portraits, run } from '../support/cli.js';

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
afterAll(() => rmSync(folder, { recursive: true }));

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
  [
    'sigma that is no number',
    'ARGUMENT',
    /a number in \(0, 1\] for sigma but received 'abc'/,
    () => ['restore', sample('03'), '--task', 'denoise', '--sigma', 'abc'],
  ],
  [
    'steps that are no number',
    'ARGUMENT',
    /steps but received 'many'/,
    () => restore(sample('03'), '--task', 'denoise', '--steps', 'many'),
  ],
  ['half a seed', 'ARGUMENT', /seed but received 1.5/, () => restore(sample('03'), '--task', 'denoise', '--seed', '1.5')],
  [
    'a misspelt step rule',
    'ARGUMENT',
    /stepRule but received 'atuo'/,
    () => restore(sample('03'), '--task', 'denoise', '--step-rule', 'atuo'),
  ],
  ['a step rule of 0', 'ARGUMENT', /stepRule but received 0/, () => restore(sample('03'), '--task', 'denoise', '--step-rule', '0')],
  [
    'a device that there is none of',
    'ARGUMENT',
    /cpu or cuda:<index> for device but received 'gpu'/,
    () => restore(sample('03'), '--task', 'denoise', '--device', 'gpu'),
  ],
  [
    'a use of memory of another kind',
    'ARGUMENT',
    /low, balanced or fast for memory but received 'huge'/,
    () => restore(sample('03'), '--task', 'denoise', '--memory', 'huge'),
  ],
  [
    'a GPU that is not there',
    'DEVICE',
    /Expected .+ (for cuda:7.* but (there is none|that is not installed)|but received cuda:7)/,
    () => restore(sample('03'), '--task', 'denoise', '--device', 'cuda:7'),
  ],
  ['guidance for a model that takes none', 'ARGUMENT', /no guidance/, () => restore(sample('03'), '--task', 'denoise', '--guidance', '2')],
  ['guidance that is no number', 'ARGUMENT', /for guidance but/, () => restore(sample('03'), '--task', 'denoise', '--guidance', 'x')],
  ['a LoRA without a name', 'ARGUMENT', /expected a file/, () => restore(sample('03'), '--task', 'denoise', '--lora', '')],
  ['a missing LoRA', 'MODEL', /none\.safetensors/, () => restore(sample('03'), '--task', 'denoise', '--lora', at('none.safetensors'))],
  [
    'a strength that is no number',
    'ARGUMENT',
    /strength but received '-'/,
    () => restore(sample('03'), '--task', 'denoise', '--lora', 'l:-'),
  ],
  ['a missing autoencoder', 'MODEL', /none/, () => restore(sample('03'), '--task', 'denoise', '--vae', at('none'))],
  ['one image too many', 'ARGUMENT', /too many arguments/, () => restore(sample('03'), sample('00'), '--task', 'denoise')],
  ['a forgotten option', 'ARGUMENT', /'--task <operator>' not specified/, () => ['restore', sample('03'), '--sigma', '0.1']],
  ['an unknown option', 'ARGUMENT', /unknown option '--strength'/, () => restore(sample('03'), '--task', 'denoise', '--strength', '1')],
  ['too many steps', 'ARGUMENT', /steps but received 51/, () => restore(sample('03'), '--task', 'denoise', '--steps', '51')],
  ['an unknown kind of result', 'ARGUMENT', /for result but/, () => restore(sample('03'), '--task', 'denoise', '--result', 'best')],
  ['an unknown start', 'ARGUMENT', /for start but/, () => restore(sample('03'), '--task', 'denoise', '--start', 'grey')],
  ['a bit depth of 12', 'ARGUMENT', /bit depth but received 12/, () => restore(sample('03'), '--task', 'denoise', '--bit-depth', '12')],
  ['an unknown operator', 'OPERATOR', /sharpen/, () => restore(sample('03'), '--task', 'sharpen:2')],
  ['a misspelt operator', 'OPERATOR', /did you mean deblur:gaussian/, () => restore(sample('03'), '--task', 'deblur:gausian:3')],
  ['an option that the operator has not', 'OPERATOR', /did you mean filter/, () => restore(sample('03'), '--task', 'sr:8,fliter=box')],
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

describe('bad input is one sentence with a code, status 2, and nothing written', () => {
  it.each(cases)('%s', async (_what, code, says, args) => {
    expectRefusal(await run(...args(), '-o', output), code, says);
    expect(readdirSync(outputs)).toEqual([]);
  });

  it('is JSON where JSON is asked for', async () => {
    const { status, stdout, stderr } = await run(...restore(at('missing.png'), '--task', 'denoise'), '-o', output, '--json');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(JSON.parse(stderr)).toEqual({ error: { code: 'ERR_LATINO_IMAGE', message: expect.stringContaining('no such file') } });
  });

  it('is JSON where JSON is asked for, of the command line too', async () => {
    const { status, stdout, stderr } = await run('degrade', sample('03'), '--task', 'denoise', '--json');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'ERR_LATINO_ARGUMENT', message: expect.stringContaining("'--sigma <s>' not specified; see --help") },
    });
  });

  it.each([
    [['restor'], /unknown command 'restor' \(Did you mean restore\?\); see --help/],
    [['eval', portraits, sample('03')], /Expected a folder to compare/],
    [['eval', sample('03'), at('missing.png')], /no such file/],
    [['eval', portraits, portraits], /images of the same names .* but found none/],
    [['inspect', at('none')], /does not exist/],
  ])('%j', async (args, says) => {
    expect(await run(...args)).toEqual({ status: 2, stdout: '', stderr: expect.stringMatching(says) });
  });

  it('is known before a model is loaded', async () => {
    const model = ['--model', at('none')];
    const wrong = ['--steps', '51'];
    expect((await run(...restore(sample('03'), '--task', 'denoise', ...model, ...wrong), '-o', output)).stderr).toContain('for steps');
    expect((await run(...restore(at('missing.png'), '--task', 'denoise', ...model), '-o', output)).stderr).toContain('missing.png');
    const calibrate = ['calibrate', sample('03'), '--task', 'denoise', '--sigma', '0.1', '-o', join(outputs, 'c.safetensors'), ...model];
    expect((await run(...calibrate, '--passes', '0')).stderr).toContain('for passes');
    expect((await run(...calibrate, '--seed', '-1')).stderr).toContain('for seed');
  });
});
