// Damages the files of a small checkpoint at random, in a folder or a single file, and asks what it is: node scripts/fuzz-checkpoints.mjs [tries] [seed]
// Whatever the files say, the answer is a description, a reason why it cannot be used, or an ERR_LATINO_MODEL; never another error, a crash, a hang,
// or memory for what a file merely claims. Ends with 1 and the first such file's folder otherwise.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createViteServer } from 'vitest/node';
import { Lora } from '../dist/checkpoint/lora.js';
import { inspectModel, LatinoError } from '../dist/index.js';

const [tries = 10_000, seed = 1] = process.argv.slice(2).map(Number);
const LONGEST_MS = 20_000;
const MOST_MIB = 1500;
const root = fileURLToPath(new URL('..', import.meta.url));
const golden = join(root, 'test/golden/models');
const work = mkdtempSync(join(tmpdir(), 'latino-fuzz-'));
const FOLDERS = ['tiny-sd15', 'tiny-sdxl'].map((name) => join(golden, name));
const LORAS = ['lcm-lora.safetensors', 'sdxl-lora-peft.safetensors'].map((name) => join(golden, name));
const SINGLE_FILES = await writeSingleFiles();

/** Whole but for the numbers: those of the golden models are too small for CLIP's vocabulary, which a single file must have. */
async function writeSingleFiles() {
  const server = await createViteServer({
    ...{ root, configFile: false, logLevel: 'error', oxc: { target: 'es2022' } },
    ...{ optimizeDeps: { noDiscovery: true }, server: { middlewareMode: true, watch: null } },
  });
  const support = (name) => server.ssrLoadModule(`/test/support/${name}.ts`);
  const [{ partsOf, singleFileTensors }, { sd1, sdxl, weightShapes }, { writeSparse }] = await Promise.all(
    ['single_file', 'small_checkpoint', 'raw_safetensors'].map(support),
  );
  const paths = Object.entries({ sd1, sdxl }).map(([name, configsOf]) => {
    const configs = configsOf(true);
    const tensorsOf = (component) =>
      new Map(
        [...weightShapes(component, configs[component])].map(([tensor, shape]) => [
          tensor,
          { dtype: 'F16', shape, bytes: Buffer.alloc(0) },
        ]),
      );
    const path = join(work, `${name}.safetensors`);
    writeSparse(path, singleFileTensors(partsOf(configs, tensorsOf)));
    return path;
  });
  await server.close();
  return paths;
}

/** Mulberry32. */
let state = seed;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];

const ODD = [
  ...[null, true, false, 0, -1, 0.5, 1, 3, 7, 1e9, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, -1e308],
  ...['', 'x', '..', '/', '__proto__', 'F64', 'F8_E4M3', 'I64', '\u0000', '🜁', 'x'.repeat(1e5)],
  ...[[], {}, [[]], [0], [-1], [1e9, 1e9, 1e9], [2 ** 53], { length: 1e9 }, Array(1000).fill(1), ['x', null]],
];

/** Every place in a JSON value, as the object that holds it and its key. */
function places(value, found = []) {
  if (typeof value !== 'object' || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push([value, key]);
    places(value[key], found);
  }
  return found;
}

function changeJson(value) {
  for (let k = 0; k <= below(3); k++) {
    const all = places(value);
    if (all.length === 0) break;
    const [holder, key] = pick(all);
    const kind = below(5);
    if (kind === 0) delete holder[key];
    else if (kind === 1) holder[key] = holder[pick(Object.keys(holder))];
    else if (kind === 2 && typeof holder[key] === 'number') holder[key] += pick([-1, 1, 4, -4, 1e6]);
    else if (kind === 3 && !Array.isArray(holder)) holder[pick(['__proto__', 'constructor', 'extra', 'weight'])] = pick(ODD);
    else holder[key] = pick(ODD);
  }
  return value;
}

const nested = () => pick(['[', '{"a":']).repeat(1e6);

const damages = {
  truncate: (path, bytes) => truncateSync(path, below(Math.min(bytes.length, pick([16, 4096, bytes.length])) + 1)),
  bytes: (path, bytes) => {
    for (let k = 0; k <= below(20); k++) bytes[below(Math.min(bytes.length, pick([16, 2048, bytes.length])))] = below(256);
    writeFileSync(path, bytes);
  },
  header: (path, bytes) => {
    if (!path.endsWith('.safetensors')) return damages.json(path, bytes);
    const length = Number(bytes.readBigUInt64LE(0));
    const header = Buffer.from(JSON.stringify(changeJson(JSON.parse(bytes.subarray(8, 8 + length)))));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(pick([BigInt(header.length), BigInt(header.length), BigInt(header.length), 2n ** 63n, 99_999_999n, 0n]));
    writeFileSync(path, Buffer.concat([prefix, header, bytes.subarray(8 + length)]));
  },
  json: (path, bytes) => {
    if (!path.endsWith('.json')) return damages.bytes(path, bytes);
    writeFileSync(path, random() < 0.02 ? nested() : JSON.stringify(changeJson(JSON.parse(bytes))));
  },
  link: (path) => {
    rmSync(path);
    symlinkSync(pick([path, '..', 'nowhere', '/dev/null', '.']), path);
  },
  remove: (path) => rmSync(path),
};

/** The files of a folder, below it. */
const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/(io|taps)[\w.-]*\.safetensors$/.test(path));

const KINDS = [
  { share: 0.2, from: LORAS, asked: (path) => Lora.open({ path }).then(() => ({ use: true })) },
  { share: 0.2, from: SINGLE_FILES, asked: inspectModel },
  { share: 1, from: FOLDERS, asked: inspectModel },
];

const counts = { usable: 0, unusable: 0, refused: 0 };
let worst = 0;
for (let k = 0; k < tries; k++) {
  const kind = KINDS.find(({ share }) => random() < share);
  const source = pick(kind.from);
  const model = join(work, 'model');
  rmSync(model, { recursive: true, force: true });
  const path = join(model, basename(source));
  cpSync(source, path, { recursive: true });
  const files = filesOf(model);
  const said = [];
  for (let n = 0; n <= below(2); n++) {
    const file = pick(files);
    const damage = pick(Object.keys(damages));
    said.push(`${damage} ${file.slice(model.length + 1)}`);
    try {
      damages[damage](file, readFileSync(file));
    } catch {
      // What was damaged already cannot be read as what it was.
    }
  }
  const begun = performance.now();
  const outcome = await Promise.race([
    kind.asked(path).then(
      ({ use }) => (use ? 'usable' : 'unusable'),
      (error) => (error instanceof LatinoError && error.code === 'ERR_LATINO_MODEL' ? 'refused' : error),
    ),
    sleep(LONGEST_MS, 'took too long', { ref: false }),
  ]);
  worst = Math.max(worst, performance.now() - begun);
  const mebibytes = process.resourceUsage().maxRSS / 1024;
  if (!(outcome in counts) || mebibytes > MOST_MIB) {
    console.error(`try ${k} of seed ${seed} (${said.join(', ')}) in ${model}: ${mebibytes.toFixed(0)} MiB,`, outcome);
    process.exit(1);
  }
  counts[outcome]++;
}
rmSync(work, { recursive: true });
console.log(
  `${tries} damaged checkpoints: ${JSON.stringify(counts)}, at most ${worst.toFixed(0)} ms and ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
);
