// What batches promise, at full size: node bench/batch.mjs [kills|broken|throughput|memory ...] [--json FILE]
//   kills       500 portraits, killed with SIGKILL at twenty random moments and started again, against an undisturbed run
//   broken      300 files of which 30 are none that can be restored
//   throughput  the same portraits one by one in a warm process, through restoreMany, and by one process for each core, in turns; ratios are of one run,
//               and of processor time too, which neighbours disturb less
//   memory      resident memory at image 100 and at image 2,000 of one run
// With --json the results are merged into FILE.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { degrade, denoising, embeddedModelFolder, Latino, readJournals, runBatch, superResolution } from '../dist/index.js';
import { median } from './median.mjs';

const operator = superResolution({ factor: 8 });
const SIGMA = 0.01;
const command = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'latino-bench-batch-'));
const at = (name) => join(folder, name);
const words = (steps, ...more) => [command, 'batch', ...more, '--task', 'sr:8', '--sigma', String(SIGMA), '--steps', String(steps)];

/** Measurements of the sixteen samples, each with noise of its own, ten to a folder. */
async function measure(name, count) {
  const names = [];
  for (let k = 0; k < count; k++) {
    const sample = join(embeddedModelFolder('portraits'), 'samples', `${String(k % 16).padStart(2, '0')}.png`);
    const own = `${String(Math.floor(k / 10)).padStart(3, '0')}/${String(k).padStart(4, '0')}.png`;
    mkdirSync(dirname(at(`${name}/${own}`)), { recursive: true });
    await (await degrade(sample, { operator, sigma: SIGMA, seed: k })).toFile(at(`${name}/${own}`));
    names.push(own);
  }
  return names;
}

async function kills() {
  const [images, times, steps] = [500, 20, 1];
  const names = await measure('in', images);
  const whole = spawnSync(process.execPath, words(steps, at('in'), '--out', at('undisturbed')), { encoding: 'utf8' });
  if (whole.status !== 0) throw new Error(whole.stderr);
  let killed = 0;
  let halfWritten = 0;
  const doneWhenKilled = [];
  for (let k = 0; k < times; k++) {
    // Moments spread over the work: some while it loads, others so many images later and a little.
    if (await killAfter(Math.floor((Math.random() * 1.8 * images) / times), Math.random(), steps)) killed++;
    doneWhenKilled.push(await countDone(at('killed')));
    const begun = at('killed/.latino-batch.tmp');
    halfWritten += existsSync(begun) ? readdirSync(begun).length : 0;
  }
  const last = spawnSync(process.execPath, words(steps, at('in'), '--out', at('killed')), { encoding: 'utf8' });
  if (last.status !== 0) throw new Error(last.stderr);
  const identical = names.filter((name) => readFileSync(at(`killed/${name}`)).equals(readFileSync(at(`undisturbed/${name}`)))).length;
  const done = (await recordsOf(at('killed'))).filter(({ status }) => status === 'done').map(({ output }) => output);
  const extra = readdirSync(at('killed'), { recursive: true }).filter(
    (name) => !names.includes(name) && !/^(\d+|latino-batch\.jsonl|report\.html|latino-report(\/.*)?)$/.test(name),
  );
  return {
    images,
    steps,
    killed,
    doneWhenKilled,
    halfWrittenFilesRemoved: halfWritten,
    byteIdentical: identical,
    restoredAgainAfterTheirLine: done.length - new Set(done).size,
    leftOver: extra.length,
  };
}

/** Starts the batch and kills it so many images later, and a moment: up to a second without images, up to 50 ms with. */
async function killAfter(images, moment, steps) {
  const child = spawn(process.execPath, words(steps, at('in'), '--out', at('killed'), '--json'), { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'close');
  let left = images;
  if (images > 0)
    for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('{"event":"image"') && --left === 0) break;
  await sleep((images === 0 ? 1000 : 50) * moment);
  child.kill('SIGKILL');
  const [, signal] = await ended;
  return signal === 'SIGKILL';
}

async function recordsOf(path) {
  const records = [];
  for await (const record of readJournals(path)) if (record.kind === 'image') records.push(record);
  return records;
}
const countDone = async (path) => (await recordsOf(path)).filter(({ status }) => status === 'done').length;

async function broken() {
  const [good, each] = [270, 6];
  const names = await measure('mixed', good);
  const whole = readFileSync(at(`mixed/${names[0]}`));
  for (let k = 0; k < each; k++) {
    writeFileSync(at(`mixed/empty-${k}.png`), '');
    writeFileSync(at(`mixed/truncated-${k}.png`), whole.subarray(0, 60 + 40 * k));
    writeFileSync(at(`mixed/text-${k}.jpg`), 'not a picture');
    mkdirSync(at(`mixed/folder-${k}.png`));
    symlinkSync(`loop-${k}.png`, at(`mixed/loop-${k}.png`));
  }
  const { status, stdout } = spawnSync(process.execPath, words(1, at('mixed'), '--out', at('mixed-out')), { encoding: 'utf8' });
  const records = await recordsOf(at('mixed-out'));
  const count = (wanted) => records.filter((record) => record.status === wanted).length;
  return {
    images: good + 5 * each,
    restored: count('done'),
    listed: count('failed'),
    exitStatus: status,
    said: stdout.trim().split('\n').at(-1),
  };
}

/** Wall and processor seconds of work in this process. */
async function timed(work) {
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { wall: (performance.now() - begun) / 1000, cpu: (user + system) / 1e6 };
}

async function throughput() {
  const [images, rounds, steps] = [32, 4, 8];
  const names = await measure('warm', images);
  const latino = await Latino.load({ model: 'portraits', device: 'cpu' });
  const [first, second] = [
    await Latino.load({ model: 'portraits', device: 'cpu', threads: 1 }),
    await Latino.load({ model: 'portraits', device: 'cpu', threads: 1 }),
  ];
  const options = { operator, sigma: SIGMA, steps };
  const paths = names.map((name) => at(`warm/${name}`));
  mkdirSync(at('results'));
  const output = (k) => at(`results/${k}.png`);
  const many = async (model, inputs, more = {}) => {
    const writing = [];
    for await (const { restored, index } of model.restoreMany(inputs, { ...options, ...more }))
      writing.push(restored.toFile(output(index)));
    await Promise.all(writing);
  };
  const ways = {
    oneByOne: async () => {
      for (const [k, path] of paths.entries()) await (await latino.restore(path, options)).toFile(output(k));
    },
    overlapped: () => many(latino, paths, { together: 1 }),
    groupsOf4: () => many(latino, paths, { together: 4 }),
    groupsOf8: () => many(latino, paths, { together: 8 }),
    groupsOf16: () => many(latino, paths, { together: 16 }),
    twoModelsOfOneThread: () => Promise.all([many(first, paths.slice(0, images / 2)), many(second, paths.slice(images / 2))]),
  };
  const results = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (const work of Object.values(ways)) await work();
  for (let k = 0; k < rounds; k++) for (const [name, work] of Object.entries(ways)) results[name].push(await timed(work));
  for (const model of [latino, first, second]) await model.dispose();
  const rows = Object.entries(results).map(([name, list]) => ({
    name,
    secondsAnImage: median(list.map(({ wall }) => wall)) / images,
    processorSecondsAnImage: median(list.map(({ cpu }) => cpu)) / images,
    // Of neighbouring measurements of one round: what slows the machine slows both.
    timesAsFast: median(list.map(({ wall }, k) => results.oneByOne[k].wall / wall)),
    timesLessProcessor: median(list.map(({ cpu }, k) => results.oneByOne[k].cpu / cpu)),
  }));
  return { images, steps, rounds, cores: availableParallelism(), rows };
}

async function memory() {
  const [images, steps, size] = [2000, 1, 64];
  // A quarter of the model's size, so that two thousand take minutes; 200 inputs, each restored under ten names.
  const inputs = 200;
  mkdirSync(at('many'));
  for (let k = 0; k < inputs; k++) {
    const data = Uint8Array.from({ length: (3 * size ** 2) / 64 }, (_, i) => (i * 37 + k * 11) % 256);
    const pixels = { width: size / 8, height: size / 8, channels: 3, data };
    await (await degrade(pixels, { operator: denoising(), sigma: SIGMA, seed: k })).toFile(at(`many/${k}.png`));
  }
  const line = (k) => `${JSON.stringify({ input: `many/${k % inputs}.png`, output: `${k}.png`, seed: k })}\n`;
  writeFileSync(at('list.jsonl'), Array.from({ length: images }, (_, k) => line(k)).join(''));
  const rssMiB = {};
  let count = 0;
  const onEvent = ({ event }) => {
    if (event !== 'image' || ![100, 500, 1000, 1500, 2000].includes(++count)) return;
    globalThis.gc?.();
    rssMiB[count] = process.memoryUsage().rss / 2 ** 20;
  };
  await runBatch(at('list.jsonl'), { out: at('many-out'), operator, sigma: SIGMA, steps, model: { device: 'cpu' }, onEvent });
  return { images, steps, size, rssMiB };
}

const measures = { kills, broken, throughput, memory };
const file = process.argv.includes('--json') ? process.argv[process.argv.indexOf('--json') + 1] : undefined;
const asked = process.argv.slice(2).filter((name) => name in measures);
const results = file && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
try {
  for (const name of asked.length > 0 ? asked : Object.keys(measures)) {
    results[name] = await measures[name]();
    console.log(name, JSON.stringify(results[name], undefined, 2));
    if (file) writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
