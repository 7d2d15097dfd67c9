#!/usr/bin/env bash
# Compiles every kernel and operator source with nvcc (CMake's LATINO_CUDA option), so that nothing CPU-only creeps into them.
set -euo pipefail
if ! command -v nvcc >/dev/null 2>&1; then
  echo "cuda-check: no nvcc here, skipped"
  exit 0
fi
cmake -S . -B build-cuda -G Ninja -DLATINO_CUDA=ON -DCMAKE_BUILD_TYPE=Release
cmake --build build-cuda --target latino_cuda
