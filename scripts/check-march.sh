#!/usr/bin/env bash
# Builds the addon for processors without AVX2, and for those with AVX-512 where this is one, and compares what they restore with what the
# addon of `make build` does. On x86-64 only: elsewhere there is one instruction set.
set -euo pipefail
if [ "$(uname -m)" != x86_64 ]; then
  echo "check-march: not on x86-64, skipped"
  exit 0
fi
marches=(x86-64-v2)
if grep -qw avx512vl /proc/cpuinfo; then
  marches+=(x86-64-v4)
else
  echo "check-march: no AVX-512 here, so without x86-64-v4"
fi
addons=()
for march in "${marches[@]}"; do
  # Optimised less than what is shipped, which takes longer to compile than this takes to run. GCC 12 warns of its own header of AVX-512.
  cmake -S . -B "build-march/$march" -G Ninja -DLATINO_MARCH="$march" -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS_RELEASE=-O2 -DNDEBUG" \
    "-DCMAKE_CXX_FLAGS=-Wno-uninitialized -Wno-maybe-uninitialized" -DCMAKE_JS_VERSION=none "-DCMAKE_JS_INC=$(node -p "require('node-api-headers').include_dir")"
  cmake --build "build-march/$march"
  addons+=("build-march/$march/latino.node")
done
node scripts/compare-addons.mjs build/Release/latino.node "${addons[@]}"
