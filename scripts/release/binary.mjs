// What an addon's file says of where it runs.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Debian 11's, and nothing of GCC's C++ library, whose own is older there than what compiles this. */
const NEWEST = { GLIBC: [2, 31], GCC: [7, 0], GLIBCXX: [0], CXXABI: [0] };

const PLATFORMS = [
  ['linux-x64', [0x7f, 0x45, 0x4c, 0x46, 2], 18, 0x3e],
  ['linux-arm64', [0x7f, 0x45, 0x4c, 0x46, 2], 18, 0xb7],
  ['darwin-arm64', [0xcf, 0xfa, 0xed, 0xfe], 4, 0x0c],
];

/** From the headers of ELF and Mach-O; undefined where it is something else. */
export function platformOfBinary(path) {
  const bytes = readFileSync(path);
  return PLATFORMS.find(([, magic, at, machine]) => magic.every((byte, i) => bytes[i] === byte) && bytes[at] === machine)?.[0];
}

/** The symbols that an addon for Linux takes from a newer system than Debian 11, as `pthread_create@GLIBC_2.34`. */
export function newerThanDebian11(path) {
  const table = execFileSync('readelf', ['--dyn-syms', '--wide', path], { encoding: 'utf8' });
  return [...table.matchAll(/ UND (\S+@(\w+?)_([\d.]+))/g)]
    .filter(([, , library, version]) => isNewer(version, NEWEST[library]))
    .map(([, symbol]) => symbol);
}

function isNewer(version, newest) {
  if (!newest) return false; // of a library that comes with its own versions, as CUDA's do
  const numbers = version.split('.').map(Number);
  const i = newest.findIndex((limit, at) => (numbers[at] ?? 0) !== limit);
  return i < 0 ? false : (numbers[i] ?? 0) > newest[i];
}
