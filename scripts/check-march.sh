#!/usr/bin/env bash
# Builds the addon for processors without AVX2, from binding.gyp, and for those with AVX-512 where this is one, with CMake, and compares what
# they restore with what the addon of `make build` does. Elsewhere than on x86-64 there is one instruction set, and binding.gyp's addon to compare.
set -euo pipefail
addons=(build-gyp/build/Release/latino.node)
# Optimised less than what is shipped, which takes longer to compile than this takes to run.
if [ "$(uname -m)" != x86_64 ]; then
  bash scripts/build-gyp.sh --latino_optimization=1
else
  bash scripts/build-gyp.sh --latino_optimization=1 --latino_march=x86-64-v2
  if grep -qw avx512vl /proc/cpuinfo; then
    # GCC 12 warns of its own header of AVX-512.
    cmake -S . -B build-march -G Ninja -DLATINO_MARCH=x86-64-v4 -DLATINO_UNITY=ON -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG" \
      "-DCMAKE_CXX_FLAGS=-Wno-uninitialized -Wno-maybe-uninitialized" -DCMAKE_JS_VERSION=none "-DCMAKE_JS_INC=$(node -p "require('node-api-headers').include_dir")"
    cmake --build build-march
    addons+=(build-march/latino.node)
  else
    echo "check-march: no AVX-512 here, so without x86-64-v4"
  fi
fi
node scripts/compare-addons.mjs build/Release/latino.node "${addons[@]}"
