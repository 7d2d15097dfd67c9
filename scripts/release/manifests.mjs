// What a release's packages say of themselves.
import { readFileSync } from 'node:fs';
import { PLATFORMS, packageOf } from '../../dist/device/platforms.js';

const checkout = JSON.parse(readFileSync('package.json', 'utf8'));
export const { version } = checkout;

export const addonOf = (platform) => (platform.endsWith('-cuda') ? 'latino-cuda.node' : 'latino.node');

/** A workflow publishes with a statement of where it was built, which has to be the repository that the package names. */
const { GITHUB_REPOSITORY } = process.env;
const repository = GITHUB_REPOSITORY ? { repository: { type: 'git', url: `git+https://github.com/${GITHUB_REPOSITORY}.git` } } : {};

/** The checkout's, with a package for every platform; npm installs those that fit. */
export function mainManifest() {
  const { devDependencies: _, scripts: __, ...manifest } = checkout;
  const optionalDependencies = Object.fromEntries(PLATFORMS.map((platform) => [packageOf(platform), version]));
  return { ...manifest, ...repository, optionalDependencies };
}

export function platformManifest(platform) {
  if (!PLATFORMS.includes(platform)) throw new Error(`Expected one of ${PLATFORMS.join(', ')} but received ${platform}`);
  const { license, engines } = checkout;
  const [os, cpu] = platform.split('-');
  return {
    ...{
      name: packageOf(platform),
      version,
      description: `The native addon of latino-native for ${platform}`,
      license,
      ...repository,
      engines,
    },
    ...{ os: [os], cpu: [cpu], ...(os === 'linux' ? { libc: ['glibc'] } : {}) },
    ...{ files: [addonOf(platform)], preferUnplugged: true },
  };
}

export const platformReadme = (platform) => `# ${packageOf(platform)}

The native addon of \`latino-native\` for ${platform}. \`npm install latino-native\` installs it where it fits; nothing is to be done with it by itself.
${requirements(platform)}
MIT licence. Compiled into it are parts of Eigen (MPL-2.0; its source is at eigen.tuxfamily.org), of node-addon-api (MIT) and, on Linux, of GCC's libraries (GPL-3.0 with the GCC Runtime
Library Exception).
`;

function requirements(platform) {
  if (platform.startsWith('darwin')) return 'It runs on macOS 14 and newer.\n';
  const processor = platform.includes('x64') ? ', on processors with AVX2' : '';
  const cuda = platform.endsWith('-cuda') ? " It needs CUDA 13's cudart, cuFFT and cuBLAS, where LD_LIBRARY_PATH says." : '';
  return `It runs on glibc 2.31 (Debian 11, Ubuntu 20.04) and newer${processor}.${cuda}\n`;
}
