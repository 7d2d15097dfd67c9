#!/usr/bin/env bash
# Runs the CUDA flavour on an emulated device (native/emulation), which wants NVIDIA's headers and no GPU, under the address sanitizer: its C++ tests, and
# with its addon those of test/, all but the few that would take too long, or a brief part of them. (What flavours share is under the sanitizer of
# undefined behaviour in `make native-test`.) Skipped where the headers are not to be had.
#   bash scripts/check-emulated.sh [brief]
set -euo pipefail
libraries=()
if [ -e /usr/local/cuda/include/cuda_runtime.h ]; then mapfile -t libraries < <(bash scripts/cuda-packages.sh); fi
if [ ${#libraries[@]} -eq 0 ]; then
  echo "emulated: no headers of CUDA, cuFFT and cuBLAS to be had, skipped"
  exit 0
fi
build=build-emulated
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=None "-DCMAKE_CXX_FLAGS=-O1 -g1" -DLATINO_SANITIZE=address -DLATINO_TESTS=ON -DLATINO_EMULATED=ON \
  -DLATINO_SLOW_RUN=ON -DCMAKE_JS_VERSION=none "-DCMAKE_JS_INC=$(node -p "require('node-api-headers').include_dir")" "${libraries[@]}"
cmake --build "$build" --target latino_emulated_tests latino-cuda latino_emulated_runtime
OUT=$build/results bash scripts/gpu-check.sh --emulated || { cat "$build/results/tests.txt"; exit 1; }

# Node is not built with the sanitizer, which therefore has to be there first, and would call its memory leaks.
LATINO_EMULATED_ORT=$(node --input-type=module -e 'import { runtimeLibrary } from "./dist/device/load.js"; console.log(runtimeLibrary())')
export LATINO_EMULATED_ORT LATINO_DEVICE=cuda:0
export LATINO_CUDA_ADDON=$PWD/$build/native/emulation/latino-cuda.node LATINO_ORT_LIBRARY=$PWD/$build/native/emulation/libonnxruntime.so
if [ "${1:-}" = brief ]; then
  tests=(test/golden/{solver,latino_pro,sdxl,batch,windows,operators}.test.ts test/e2e/{restore,record,not_finite}.test.ts)
else
  tests=(test/golden test/unit test/e2e --exclude 'test/e2e/{snippets,unknown_images,service_load,service_process}.test.ts' --testTimeout 600000)
fi
LD_PRELOAD=$(g++ -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0:handle_segv=0:alloc_dealloc_mismatch=0 \
  npx vitest run --maxWorkers 1 "${tests[@]}"
