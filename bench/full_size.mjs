// A model of full size with random weights (bench/full_size/write_model.mjs), one step after the other:
//   node bench/full_size.mjs FOLDER [--size N] [--steps N] [--before CHECKOUT] [--pytorch] [--json]
// Seconds of the load, of the first call of each network (which reads its weights) and of the least of the later ones, CPU seconds of all threads likewise, which
// neighbours change less; peak memory of the process. With --before the same of another built checkout, with --pytorch of bench/pytorch/stable_diffusion.py (Stable Diffusion 1.x; PYTHON names a Python with PyTorch),
// in turns; each is a process of its own.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '512' },
    steps: { type: 'string', default: '3' },
    before: { type: 'string' },
    pytorch: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    child: { type: 'string' },
  },
});
const [folder] = positionals;
if (!folder) throw new Error('Expected the folder of a model');
const size = Number(values.size);
const steps = Number(values.steps);

/** The networks of a step, each waited for. */
async function measure(checkout) {
  const { Latino } = await import(pathToFileURL(resolve(checkout, 'dist/index.js')).href);
  const seconds = async (call) => {
    const begun = performance.now();
    const value = await call();
    return [(performance.now() - begun) / 1000, value];
  };
  const [load, latino] = await seconds(() => Latino.load({ model: folder, device: 'cpu' }));
  const { model } = latino;
  const [text, c] = await seconds(async () => {
    const conditioning = await model.condition(['a photo']);
    await conditioning.ready();
    return conditioning;
  });
  const image = model.device.full([1, 3, size, size], 0.25);
  const z = model.encode(image);
  await z.ready();
  const described = model.placeInputs({ height: size, width: size }, { top: 0, left: 0, height: size, width: size });
  Object.assign(c.added, described);
  const networks = {
    unet: () => model.predictNoise(z, 499, c),
    decode: () => model.decode(z, size, size),
    encode: () => model.encode(image),
  };
  const times = { load, text, cpu: {} };
  for (const name of Object.keys(networks)) [times[name], times.cpu[name]] = [[], []];
  for (let step = 0; step < steps; step++)
    for (const [name, run] of Object.entries(networks)) {
      const before = process.cpuUsage();
      const [taken] = await seconds(async () => {
        const result = run();
        await result.ready();
        result.dispose();
      });
      const { user, system } = process.cpuUsage(before);
      times[name].push(taken);
      times.cpu[name].push((user + system) / 1e6);
    }
  return { ...times, peakMiB: process.resourceUsage().maxRSS / 1024 };
}

/** The sums over the networks: the first step, and the least of the later ones. */
function stepsOf(times) {
  const step = (index) => ['unet', 'decode', 'encode'].reduce((sum, network) => sum + times[network].at(index), 0);
  return { first: step(0), later: Math.min(...Array.from({ length: steps - 1 }, (_, i) => step(i + 1))) };
}

function run(name, command, args, env = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } });
  if (status !== 0) throw new Error(`${name} failed: ${error?.message ?? stderr}`);
  return JSON.parse(stdout);
}

if (values.child) {
  console.log(JSON.stringify(await measure(values.child)));
} else {
  const here = fileURLToPath(new URL('..', import.meta.url));
  const script = fileURLToPath(import.meta.url);
  const ours = (checkout) => () =>
    run(checkout, process.execPath, [script, folder, '--size', values.size, '--steps', values.steps, '--child', checkout]);
  const measured = { now: ours(here) };
  if (values.before) measured.before = ours(resolve(values.before));
  if (values.pytorch) {
    const reference = fileURLToPath(new URL('pytorch/stable_diffusion.py', import.meta.url));
    measured.pytorch = () => run('PyTorch', process.env.PYTHON ?? 'python3', [reference, folder, values.size, values.steps]);
  }
  const results = {};
  for (const [name, call] of Object.entries(measured)) {
    const result = call();
    const { first, later } = stepsOf(result);
    results[name] = { ...result, first, later };
    if (result.cpu) results[name].cpu = { ...result.cpu, ...stepsOf(result.cpu) };
    if (!values.json)
      console.log(
        `${name.padEnd(8)} load ${result.load.toFixed(1)} s, text ${result.text.toFixed(1)}, first step ${first.toFixed(1)}, later ${later.toFixed(1)} ` +
          `(UNet ${Math.min(...result.unet).toFixed(1)}, decode ${Math.min(...result.decode).toFixed(1)}, encode ${Math.min(...result.encode).toFixed(1)}), peak ${result.peakMiB.toFixed(0)} MiB` +
          (result.cpu
            ? `; first step ${(results[name].cpu.first / results[name].cpu.later).toFixed(2)} times the CPU time of a later one`
            : ''),
      );
  }
  if (values.json) console.log(JSON.stringify({ size, steps, ...results }, null, 2));
}
