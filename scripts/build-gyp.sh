#!/usr/bin/env bash
# Builds the CPU addon from binding.gyp, in a folder of its own so that CMake's result stays. What is given goes to node-gyp, as
# --latino_march=x86-64-v2 --latino_optimization=1.
set -euo pipefail
built=build-gyp/build/Release/latino.node
# Built before, of these sources and with these options?
if [ -e "$built" ] && [ "$(cat build-gyp/options 2>/dev/null)" = "$*" ] && [ -z "$(find native binding.gyp -newer "$built" -type f)" ]; then exit 0; fi
rm -rf build-gyp/native && mkdir -p build-gyp
echo "$*" >build-gyp/options
cp -r binding.gyp native package.json build-gyp/
# Many files as one, as CMake has them (LATINO_UNITY), take half the time.
awk '{ print "#include \"" substr($0, length("native/") + 1) "\"" > sprintf("build-gyp/native/joined_%d.cpp", NR / 8) }' native/sources.txt
(cd build-gyp && ls native/joined_*.cpp >native/sources.txt)
ln -sfn ../node_modules build-gyp/node_modules

# Headers that came with this Node spare a download.
prefix=$(node -p "require('path').dirname(require('path').dirname(process.execPath))")
headers=()
[ -e "$prefix/include/node/node_api.h" ] && headers=(--nodedir "$prefix")
# Run by npm, which brings node-gyp wherever it is installed.
(cd build-gyp && npm run build:gyp -- --jobs 2 "${headers[@]}" "$@" >gyp.log 2>&1) || { tail -40 build-gyp/gyp.log; exit 1; }
node -e "process.exit(typeof require('./$built').openDevice === 'function' ? 0 : 1)"
