#!/usr/bin/env bash
# Builds the CPU addon from binding.gyp, in a folder of its own so that CMake's result stays.
set -euo pipefail
if [ -e build-gyp/build/Release/latino.node ] && [ -z "$(find native binding.gyp -newer build-gyp/build/Release/latino.node -type f)" ]; then exit 0; fi
rm -rf build-gyp && mkdir build-gyp
cp -r binding.gyp native package.json build-gyp/
ln -s ../node_modules build-gyp/node_modules
gyp=$(npm root -g)/npm/node_modules/node-gyp/bin/node-gyp.js
[ -e "$gyp" ] || gyp=node_modules/node-gyp/bin/node-gyp.js
(cd build-gyp && node "../${gyp#../}" rebuild --jobs 2 >gyp.log 2>&1 || node "$gyp" rebuild --jobs 2 >gyp.log 2>&1) || { tail -40 build-gyp/gyp.log; exit 1; }
node -e "process.exit(typeof require('./build-gyp/build/Release/latino.node').openDevice === 'function' ? 0 : 1)"
