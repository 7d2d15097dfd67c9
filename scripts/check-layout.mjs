// What docs/architecture.md says of the layout and neither the compilers nor Biome look at: who imports whom, and the length of files.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, normalize } from 'node:path';

const FOLDERS = ['src', 'native', 'test', 'bench', 'scripts'];
const MOST_LINES = 400;

/** What each folder of src/ may import beside itself; imports of types count. Files of src/ itself may import all, but for these. */
const BELOW = {
  download: [
    ...['checkpoint', 'prior/model_structure.ts', 'schema.ts', 'output_file.ts', 'process_lock.ts'],
    ...['package_version.ts', 'folder_files.ts', 'model_summary.ts'],
  ],
  solver: ['prior', 'device', 'schema.ts'],
  prior: ['networks', 'graph', 'checkpoint', 'device', 'output_file.ts'],
  networks: ['graph'],
  graph: ['device'],
  checkpoint: ['networks/config.ts', 'graph/weights.ts', 'device/addon.ts'],
  operators: ['device', 'schema.ts'],
  noise: ['image'],
  image: ['device', 'output_file.ts'],
  device: [],
};
/** Below everything. */
const GROUND = ['errors.ts', 'package_version.ts', 'byte_size.ts'];

/** What only some files of native/ may have: a line, the files, why. */
const RESERVED = [
  [/#include <napi\.h>/, /^native\/addon\//, 'only native/addon knows N-API'],
  [/#include "cpu\//, /cpu|^native\/test\//, 'only files of the CPU flavour know the CPU'],
  [/#include "cuda\//, /cuda|^native\/(test|bench)\//, 'only files of the CUDA flavour know CUDA'],
  [/\bDeviceKind\b/, /^native\/(tensor\/device\.h|cpu\/|cuda\/|addon\/)/, 'nothing asks for the kind of a device: what differs is linked'],
];

const problems = [];

function checkImports(file, lines) {
  const [, folder] = file.split('/');
  const allowed = BELOW[folder];
  if (!allowed) return;
  lines.forEach((line, i) => {
    const path = /(?:from|import\() ?'(\.[^']+)\.js'/.exec(line)?.[1];
    if (!path) return;
    const imported = normalize(`${dirname(file)}/${path}.ts`).slice('src/'.length);
    if (![folder, ...allowed, ...GROUND].some((place) => imported === place || imported.startsWith(`${place}/`)))
      problems.push(`${file}:${i + 1}: ${folder}/ may not import ${imported}: imports point downwards only`);
  });
}

function checkReserved(file, lines) {
  for (const [pattern, owners, reason] of RESERVED) {
    if (owners.test(file)) continue;
    lines.forEach((line, i) => {
      if (pattern.test(line)) problems.push(`${file}:${i + 1}: ${reason}`);
    });
  }
}

const files = FOLDERS.flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => `${folder}/${name}`));
for (const file of files.filter((name) => /\.(ts|mjs|cpp|h|py|sh)$/.test(name))) {
  const lines = readFileSync(file, 'utf8').split('\n');
  if (lines.length - 1 > MOST_LINES) problems.push(`${file}: ${lines.length - 1} lines, over ${MOST_LINES}: two ideas?`);
  if (file.startsWith('src/')) checkImports(file, lines);
  if (file.startsWith('native/')) checkReserved(file, lines);
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
