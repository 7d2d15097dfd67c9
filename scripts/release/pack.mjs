// Packs the package (main) and those of platforms, each with the addon in a folder:
//   node scripts/release/pack.mjs release main linux-x64=build/release/linux-x64
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { addonOf, mainManifest, platformManifest, platformReadme } from './manifests.mjs';

const [out, ...items] = process.argv.slice(2);
if (!out || items.length === 0) throw new Error('Expected a folder and what to pack: main, <platform>=<folder of its addon>');
mkdirSync(out, { recursive: true });
const work = mkdtempSync(join(tmpdir(), 'latino-pack-'));

const npmPack = (folder, ...options) =>
  execFileSync('npm', ['pack', '--json', '--ignore-scripts', ...options], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });

const pack = (folder) => npmPack(folder, '--pack-destination', resolve(out));

const writeManifest = (folder, manifest) => writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);

/** What npm packs of the checkout, with another manifest. */
function packMain() {
  const folder = join(work, 'main');
  const [{ files }] = JSON.parse(npmPack('.', '--dry-run'));
  for (const { path } of files) cpSync(path, join(folder, path));
  writeManifest(folder, mainManifest());
  pack(folder);
}

function packPlatform(platform, built) {
  const folder = join(work, platform);
  const manifest = platformManifest(platform);
  mkdirSync(folder);
  writeManifest(folder, manifest);
  writeFileSync(join(folder, 'README.md'), platformReadme(platform));
  cpSync('LICENSE', join(folder, 'LICENSE'));
  cpSync(join(built, addonOf(platform)), join(folder, addonOf(platform)));
  pack(folder);
}

try {
  for (const item of items) {
    if (item === 'main') packMain();
    else packPlatform(...item.split('='));
  }
} finally {
  rmSync(work, { recursive: true });
}
