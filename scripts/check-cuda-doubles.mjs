// Which kernels compute in double precision, of which most GPUs have a sixty-fourth of their speed: those that native/cuda/double_precision.txt lists, each
// with its reason, and no others.
//   node scripts/check-cuda-doubles.mjs <folder of nvcc's .ptx files>
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const files = readdirSync(folder).filter((name) => name.endsWith('.ptx'));

/** Mangled names of the kernels of a file that have an instruction of double precision. */
const doubles = (ptx) =>
  [...ptx.matchAll(/^\.(?:visible|weak)? ?\.entry (\w+)\(.*?^}/gms)].filter(([body]) => /\.f64/.test(body)).map(([, name]) => name);

/** The function whose lambda a kernel runs, or what it sums. */
function functionOf(kernel) {
  const [, found] =
    /latino::(?:\(anonymous namespace\)::)?([A-Z]\w*::\w+|(?!SumOfPart|for\w+Kernel)\w+)(?:<(?:float|double)>)?\(/.exec(kernel) ?? [];
  return found ?? /latino::(PartsOfRow)\b/.exec(kernel)?.[1] ?? kernel;
}

const mangled = files.flatMap((name) => doubles(readFileSync(join(folder, name), 'utf8')));
const demangled = execFileSync('c++filt', ['-n'], { input: mangled.join('\n'), encoding: 'utf8', maxBuffer: 2 ** 26 })
  .trim()
  .split('\n');
const found = new Set(demangled.map(functionOf));
const listed = new Map(
  readFileSync('native/cuda/double_precision.txt', 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/:(?!:)\s+/)),
);

const strange = [...found].filter((name) => !listed.get(name));
const gone = [...listed.keys()].filter((name) => !found.has(name));
const complaints = [
  ...strange.map((name) => `Expected a reason in native/cuda/double_precision.txt for kernels of ${name} to compute in double precision`),
  ...gone.map((name) => `Expected kernels of ${name}, which native/cuda/double_precision.txt lists, to compute in double precision`),
  ...(files.length === 0 ? [`Expected .ptx files in ${folder} but there are none`] : []),
];
for (const complaint of complaints) console.error(complaint);
if (complaints.length === 0)
  console.log(`The kernels of ${found.size} functions compute in double precision, for the reasons that are listed`);
process.exitCode = complaints.length === 0 ? 0 : 1;
