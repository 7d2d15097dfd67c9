// Calls every function and method of the addon with what they are not made for, in a process of its own, which must live:
// node hostile_calls.mjs <addon> <ONNX Runtime> <model of `sum = x w + y`>. Each call ends with a value or with an error that has a code.
// Prints { calls, refused, failures }; before each call its name goes to standard error, so that the last line tells what ended the process.
import { readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { hostileValues, matrix, taps } from './hostile_values.mjs';

const [addonPath, runtimePath, modelPath] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(addonPath);

class LatinoError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}
addon.setErrorClass(LatinoError);
addon.openRuntime(runtimePath);

const device = addon.openDevice('cpu', { threads: 2 });
const model = readFileSync(modelPath);
const session = await addon.createSession(device, model, { threads: 1 });

const images = (shape, fill = 0.5) => device.upload(new Float32Array(shape.reduce((n, extent) => n * extent, 1)).fill(fill), shape);
const x = images([2, 3, 4, 4]);
const row = images([1, 2]);
const tokens = images([1, 3, 4]);
const hostile = hostileValues(addon, device, session, images);

/** How each is meant to be called: what the hostile values take the places of. */
const box = taps(3, 3, 1, 1);
const square = matrix(4, 4);
const grid = { rows: [0, 2], columns: [0, 1], height: 2, width: 3, ramp: 1 };
const functions = {
  setErrorClass: [LatinoError],
  pictureFromPixels: [new Uint8Array(48), 3, 3],
  pixelsFromPicture: [new Float32Array(48), 3, 8],
  changeChannels: [new Float32Array(48), 3, 1],
  allFinite: [new Float32Array(48)],
  upscale: [new Float32Array(48), { height: 4, width: 4 }, { height: 9, width: 7 }],
  psnr: [new Float32Array(48), new Float32Array(48)],
  ssim: [new Float32Array(363), new Float32Array(363).fill(0.5), { height: 11, width: 11 }],
  openRuntime: [runtimePath],
  runtimeVersion: [],
  cancellation: [],
  openDevice: ['cpu', { threads: 1 }],
  createSession: [device, model, { threads: 1 }],
  deferSession: [device, model, { threads: 1 }],
  linearCombination: [1, x, [1, 2], x],
  clip: [x, 0, 1],
  norm: [x],
  power: [x, 1, 2],
  concatenate: [[x, x]],
  joinLast: [x, x],
  cutWindows: [x, grid],
  shareWindows: [x, grid],
  blendWindows: [addon.cutWindows(x, grid), grid, 4, 4],
  slice: [x, 0, 1],
  fitFrame: [x, 6, 5],
  rows: [[x, x], 3, 6],
  groupMoments: [x, 3],
  pooledMoments: [[addon.groupMoments(x, 3), addon.groupMoments(x, 3)]],
  addNormalized: [tokens, tokens, 'token', 1, 1],
  moveWithinBalls: [tokens, tokens, 1, tokens, 1],
  separable: [device, square, square],
  circularConvolution: [device, box, 4, 4, 1],
  convolution: [device, box, 4, 4, 2, 'reflect'],
  mask: [device, 4, 4, new Uint8Array(16)],
  identity: [device],
  channelMix: [device, Float64Array.of(0.3, 0.6, 0.1)],
};
const operatorMethods = {
  measurementShape: [[1, 3, 4, 4]],
  imageShape: [[1, 3, 4, 4]],
  forward: [x],
  adjoint: [x],
  residual: [x, x],
  proxFromResidual: [x, x, 1],
  prox: [x, x, 1],
  errorVariance: [x, 0.1, 0.01],
  discrepancyGamma: [x, 0.1],
  ready: [],
  dispose: [],
};
const operators = {
  separable: addon.separable(device, square, square),
  circular: addon.circularConvolution(device, box, 4, 4, 1),
  decimated: addon.circularConvolution(device, box, 4, 4, 2),
  convolution: addon.convolution(device, box, 4, 4, 1, 'reflect'),
  mask: addon.mask(device, 4, 4, new Uint8Array(16)),
  identity: addon.identity(device),
  channelMix: addon.channelMix(device, Float64Array.of(0.3, 0.6, 0.1)),
};
const methods = [
  [
    'device',
    device,
    {
      upload: [new Float32Array(2), [2], addon.cancellation()],
      full: [[2], 1, 'f32'],
      randn: [[2, 2], [1, 2], 0],
      synchronize: [],
      trim: [],
      trimFree: [],
    },
  ],
  ['tensor', x, { read: [{ finite: true }], ready: [], dispose: [] }],
  ['session', session, { run: [{ x: row, y: row }, { sum: [1, 2] }], dispose: [] }],
  ['cancellation', addon.cancellation(), { cancel: [] }],
  ...Object.entries(operators).map(([name, operator]) => [name, operator, operatorMethods]),
];

const failures = [];
let calls = 0;
let refused = 0;

/** What a call failed with: of V8 only that `this` is not of the class, and what a value's own getter throws. */
function check(name, error) {
  refused++;
  if (
    !(error instanceof LatinoError && /^ERR_LATINO_[A-Z_]+$/.test(error.code)) &&
    !/Illegal invocation|a getter that throws/.test(error?.message)
  )
    failures.push(`${name}: ${error?.stack ?? String(error)}`);
}

/** Uses what a call gave, since what is wrong with it may show only then. */
async function use(value) {
  if (value === null || typeof value !== 'object') return;
  if (typeof value.then === 'function') return use(await value);
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return;
  const kind = value.constructor?.name;
  if (kind === 'Tensor') await value.read();
  else if (kind === 'Operator') {
    const measured = value.forward(x);
    await value.prox(x, measured, 1).read();
    value.dispose();
  } else if (kind === 'Device') value.full([1], 1);
  else if (kind === 'Session') {
    await value.run({ x: row, y: row }, { sum: [1, 2] }).sum.ready();
    value.dispose();
  } else if (kind === 'Object') for (const each of Object.values(value)) await use(each);
}

async function call(name, body) {
  calls++;
  writeSync(2, `${name}\n`);
  try {
    await use(body());
  } catch (error) {
    check(name, error);
  }
}

async function attack(name, target, method, meant) {
  // Disposing is only for the last attack on an object; its arguments are not looked at.
  if (method === 'dispose') return;
  // A class is not looked at beyond its being a function, and would be that of the errors to come.
  const suited = Object.entries(hostile).filter(([, value]) => method !== 'setErrorClass' || typeof value !== 'function');
  for (let place = 0; place < meant.length; place++) {
    for (const [what, value] of suited) {
      await call(`${name}.${method}: ${what} at ${place}`, () => target[method](...meant.with(place, value)));
    }
    await call(`${name}.${method}: ${place} arguments`, () => target[method](...meant.slice(0, place)));
  }
  for (const [what, value] of suited) {
    await call(`${name}.${method}: ${what} everywhere`, () => target[method](...meant.map(() => value)));
    await call(`${name}.${method} of ${what}`, () => Reflect.apply(target[method], value, meant));
  }
}

function assertAll(name, object, listed) {
  const present = Reflect.ownKeys(object).filter((key) => typeof key === 'string' && key !== 'constructor');
  const missing = present.filter((key) => typeof Object.getOwnPropertyDescriptor(object, key).value === 'function' && !(key in listed));
  if (missing.length > 0) failures.push(`Expected calls of ${missing.join(', ')} of ${name} too`);
}

assertAll('the addon', addon, functions);
for (const [method, meant] of Object.entries(functions)) await attack('addon', { ...addon, [method]: addon[method] }, method, meant);
for (const [name, object, listed] of methods) {
  assertAll(name, Object.getPrototypeOf(object), listed);
  for (const [method, meant] of Object.entries(listed)) await attack(name, object, method, meant);
}
for (const [name, object, listed] of methods) {
  if (!('dispose' in listed)) continue;
  object.dispose();
  object.dispose();
  for (const [method, meant] of Object.entries(listed)) await call(`${name}.${method} when disposed`, () => object[method](...meant));
}
await device.synchronize();
console.log(JSON.stringify({ calls, refused, failures }));
