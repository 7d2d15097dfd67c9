#!/usr/bin/env bash
# Compiles every kernel and operator source with nvcc, so that nothing CPU-only creeps into them.
set -euo pipefail
if ! command -v nvcc >/dev/null 2>&1; then
  echo "cuda-check: no nvcc here, skipped"
  exit 0
fi
out=build/cuda-check
mkdir -p "$out"
for source in native/kernels/*.cpp native/operators/*.cpp; do
  object="$out/$(basename "$source").o"
  if [ "$object" -nt "$source" ] && [ -z "$(find native/kernels native/operators native/linalg native/tensor -name '*.h' -newer "$object")" ]; then continue; fi
  echo "nvcc $source"
  nvcc -x cu -std=c++20 --extended-lambda -arch=sm_90 -O1 -c -Inative "$source" -o "$object"
done
