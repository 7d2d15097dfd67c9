// A registry of packages on this machine: those in a folder. Prints its address.
//   node scripts/release/registry.mjs release
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const packages = new Map();
for (const file of readdirSync(folder).filter((name) => name.endsWith('.tgz'))) {
  const manifest = JSON.parse(execFileSync('tar', ['-xzOf', join(folder, file), 'package/package.json'], { encoding: 'utf8' }));
  packages.set(manifest.name, { file, manifest, bytes: readFileSync(join(folder, file)) });
}

const server = createServer((request, response) => {
  const path = decodeURIComponent(request.url.slice(1));
  const tarball = [...packages.values()].find(({ file }) => file === path);
  if (tarball) response.end(tarball.bytes);
  else if (packages.has(path)) response.end(JSON.stringify(document(path, `http://${request.headers.host}`)));
  else response.writeHead(404).end('{}');
});

function document(name, address) {
  const { file, manifest, bytes } = packages.get(name);
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  return {
    name,
    'dist-tags': { latest: manifest.version },
    versions: { [manifest.version]: { ...manifest, dist: { tarball: `${address}/${file}`, integrity } } },
  };
}

server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
