#!/usr/bin/env bash
# Builds the native core with Clang, the compiler of macOS, and runs its tests; skipped where there is none.
set -euo pipefail
if ! command -v clang++ >/dev/null 2>&1; then
  echo "clang-check: no clang++ here, skipped"
  exit 0
fi
cmake -S . -B build-clang -G Ninja -DLATINO_TESTS=ON -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Release
cmake --build build-clang
ctest --test-dir build-clang --output-on-failure
