#!/usr/bin/env bash
# Runs the C++ tests of the CUDA flavour on an emulated device (native/emulation), which wants NVIDIA's headers and no GPU, under the address
# sanitizer (what flavours share is under that of undefined behaviour in `make native-test`). Skipped where the headers are not to be had.
set -euo pipefail
libraries=()
if [ -e /usr/local/cuda/include/cuda_runtime.h ]; then mapfile -t libraries < <(bash scripts/cuda-packages.sh); fi
if [ ${#libraries[@]} -eq 0 ]; then
  echo "emulated: no headers of CUDA, cuFFT and cuBLAS to be had, skipped"
  exit 0
fi
build=build-emulated
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=None "-DCMAKE_CXX_FLAGS=-O1 -g1" -DLATINO_SANITIZE=address -DLATINO_TESTS=ON -DLATINO_EMULATED=ON -DLATINO_UNITY=ON \
  -DLATINO_SLOW_RUN=ON \
  "${libraries[@]}"
cmake --build "$build" --target latino_emulated_tests
ctest --test-dir "$build" --output-on-failure -R '^emulated$'
