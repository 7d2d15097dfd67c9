#!/usr/bin/env bash
# Builds and links the CUDA flavour and its tests (CMake's LATINO_CUDA option), warnings being errors, and starts them: without a GPU they
# say that there is none. cuFFT and cuBLAS are those of NVIDIA's Python packages, which this brings into the build folder.
set -euo pipefail
if ! command -v nvcc >/dev/null 2>&1; then
  echo "cuda-check: no nvcc here, skipped"
  exit 0
fi
build=build-cuda
packages=$build/packages
if [ ! -e "$packages/.complete" ]; then
  mkdir -p "$packages"
  if ! python3 -m pip download --quiet --no-deps --dest "$packages" nvidia-cufft nvidia-cublas 2>"$packages/pip.log"; then
    echo "cuda-check: no cuFFT and cuBLAS to be had (see $packages/pip.log), skipped"
    exit 0
  fi
  for wheel in "$packages"/*.whl; do
    python3 -m zipfile -e "$wheel" "$packages"
    rm "$wheel"
  done
  touch "$packages/.complete"
fi
mapfile -t libraries < <(bash scripts/cuda-libraries.sh "$build/headers" "$packages")
cmake -S . -B "$build" -G Ninja -DLATINO_CUDA=ON -DLATINO_TESTS=ON -DCMAKE_BUILD_TYPE=Release "${libraries[@]}"
cmake --build "$build" --target latino_cuda_tests latino_cuda_bench
ctest --test-dir "$build" --output-on-failure -R '^cuda$'
