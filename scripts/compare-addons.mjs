// Restores the same measurements with several addons, each in a process of its own, and fails where their images differ:
// node scripts/compare-addons.mjs build/Release/latino.node build-gyp/build/Release/latino.node ...
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Of values in [-1, 1]. */
const TOLERANCE = 1e-3;

const restored = (addon) =>
  new Float32Array(
    new Uint8Array(
      execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--restore'], {
        env: { ...process.env, LATINO_ADDON: addon },
        stdio: ['ignore', 'pipe', 'inherit'],
        maxBuffer: 1 << 28,
      }),
    ).buffer,
  );

/** One task for each kind of operator that calculates in its own way: separable, convolution in a frame, circular, decimated, per pixel. */
async function restoreAll() {
  const { degrade, embeddedModelFolder, Latino, parseOperator } = await import('../dist/index.js');
  const latino = await Latino.load({ model: 'portraits', threads: 1 }); // others may use the other cores
  const sample = `${embeddedModelFolder('portraits')}/samples/03.png`;
  for (const [task, sigma] of [
    ['sr:8', 0.01],
    ['deblur:motion:9:30,boundary=reflect', 0.02],
    ['deblur:motion:9:30', 0.02],
    ['inpaint:box:40:40:32:32', 0.01],
  ]) {
    const operator = await parseOperator(task);
    const { image: measurement } = await degrade(sample, { operator, sigma, seed: 1 });
    const { image } = await latino.restore(measurement, { operator, sigma, prompt: 'a portrait of a person', steps: 8, seed: 1 });
    process.stdout.write(new Uint8Array(image.data.buffer, image.data.byteOffset, image.data.byteLength));
  }
  await latino.dispose();
}

function compareAll([reference, ...others]) {
  const expected = restored(reference);
  for (const addon of others) {
    const values = restored(addon);
    const difference =
      values.length === expected.length ? expected.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i])), 0) : Number.NaN;
    console.log(`${addon}: at most ${difference.toExponential(1)} from ${reference}`);
    if (!(difference <= TOLERANCE)) process.exitCode = 1;
  }
}

if (process.argv[2] === '--restore') await restoreAll();
else compareAll(process.argv.slice(2));
