// Checks the packages of a release in a folder: that their versions agree, what is in them, and that addons for Linux run on Debian 11; prints their sizes.
//   node scripts/release/check.mjs release [--complete]
// --complete: none may be missing.
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PLATFORMS, packageOf } from '../../dist/device/platforms.js';
import { newerThanDebian11, platformOfBinary } from './binary.mjs';
import { addonOf, mainManifest, platformManifest } from './manifests.mjs';

const WANTED = [
  ...[
    'dist/cli/main.js',
    'dist/index.js',
    'dist/index.d.ts',
    'models/photos-lcm/model_index.json',
    'models/portraits-lcm/model_index.json',
  ],
  ...[
    'pages/report/report.html',
    'pages/service/index.html',
    'pages/shared/before_after.js',
    'native/sources.txt',
    'native/portable/portable.cmake',
    'CMakeLists.txt',
    'binding.gyp',
  ],
  ...['package.json', 'LICENSE', 'README.md', 'CHANGELOG.md', 'docs/licenses/Inter.txt'],
];
const UNWANTED = /^(test|src|bench|scripts|build|node_modules|.*\/training|native\/(bench|emulation|test))\/|\.node$/;

const problems = [];
const expectSame = (where, what, received, expected) => {
  const [a, b] = [received, expected].map((value) => JSON.stringify(value));
  if (a !== b) problems.push(`${where}: expected ${what} ${b} but received ${a}`);
};

function checkMain(name, folder, files) {
  for (const file of WANTED) if (!files.includes(file)) problems.push(`${name}: lacks ${file}`);
  for (const file of files) if (UNWANTED.test(file)) problems.push(`${name}: ${file} is nothing that a user needs`);
  expectSame(name, 'the manifest', manifestIn(folder), mainManifest());
}

function checkPlatform(name, folder, files, platform) {
  const addon = addonOf(platform);
  expectSame(name, 'the files', files.toSorted(), ['LICENSE', 'README.md', addon, 'package.json'].toSorted());
  expectSame(name, 'the manifest', manifestIn(folder), platformManifest(platform));
  const path = join(folder, addon);
  expectSame(name, 'an addon for', platformOfBinary(path), platform.replace('-cuda', ''));
  const tooNew = platform.startsWith('linux') ? newerThanDebian11(path) : [];
  if (tooNew.length > 0)
    problems.push(
      `${name}: wants ${tooNew.slice(0, 5).join(', ')} (${tooNew.length} in all), newer than Debian 11: see native/portable/portable.cmake`,
    );
}

const manifestIn = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const [release, complete] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), 'latino-release-'));
const found = new Set();
try {
  for (const tarball of readdirSync(release).filter((name) => name.endsWith('.tgz'))) {
    execFileSync('tar', ['-xzf', join(release, tarball), '-C', work]);
    const folder = join(work, 'package');
    const files = readdirSync(folder, { recursive: true }).filter((name) => !lstatSync(join(folder, name)).isDirectory());
    const { name } = manifestIn(folder);
    const platform = PLATFORMS.find((each) => packageOf(each) === name);
    if (platform) checkPlatform(name, folder, files, platform);
    else checkMain(name, folder, files);
    found.add(name);
    const unpacked = files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
    const mebibytes = [statSync(join(release, tarball)).size, unpacked].map((bytes) => (bytes / 2 ** 20).toFixed(2).padStart(6));
    console.log(`${tarball.padEnd(44)} ${mebibytes[0]} MiB, unpacked ${mebibytes[1]} MiB in ${files.length} files`);
    rmSync(folder, { recursive: true });
  }
} finally {
  rmSync(work, { recursive: true });
}
const missing = ['latino-native', ...PLATFORMS.map(packageOf)].filter((name) => !found.has(name));
if (complete) problems.push(...missing.map((name) => `${name}: is missing`));
else if (missing.length > 0) console.log(`not here: ${missing.join(', ')}`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
