#!/usr/bin/env bash
# Builds and links the CUDA flavour (CMake's LATINO_CUDA option), addon and tests, warnings being errors, and starts them: without a GPU they
# say that there is none. cuFFT and cuBLAS are those of NVIDIA's Python packages (cuda-packages.sh); where they are not to be had the kernels
# are compiled and nothing is linked.
#   scripts/check-cuda.sh [optimisation of the host's code; -O3, as shipped, unless told]
set -euo pipefail
if ! command -v nvcc >/dev/null 2>&1; then
  echo "cuda-check: no nvcc here, skipped"
  exit 0
fi
build=build-cuda optimization=${1:--O3}
mapfile -t libraries < <(bash scripts/cuda-packages.sh)
mkdir -p "$build/ptx"
# nvcc keeps what it made of the kernels, to be looked at.
cmake -S . -B "$build" -G Ninja -DLATINO_CUDA=ON -DLATINO_TESTS=ON -DLATINO_PORTABLE=ON -DCMAKE_BUILD_TYPE=Release \
  "-DCMAKE_CXX_FLAGS_RELEASE=$optimization -DNDEBUG" "-DCMAKE_CUDA_FLAGS_RELEASE=$optimization -DNDEBUG" \
  "-DCMAKE_CUDA_FLAGS=--keep --keep-dir=$PWD/$build/ptx" -DCMAKE_JS_VERSION=none \
  "-DCMAKE_JS_INC=$(node -p "require('node-api-headers').include_dir")" "${libraries[@]}"
if [ ${#libraries[@]} -eq 0 ]; then
  echo "cuda-check: no cuFFT and cuBLAS to be had: the kernels are compiled, nothing is linked"
  cmake --build "$build" --target latino_cuda_kernels
  bash scripts/check-cuda-kernels.sh "$build"
  exit 0
fi
cmake --build "$build" --target latino-cuda latino_cuda_tests latino_cuda_bench
bash scripts/check-cuda-kernels.sh "$build"
node scripts/check-cuda-doubles.mjs "$build/ptx"
find "$build/ptx" -type f ! -name "*.ptx" -delete  # twelve times as much
ctest --test-dir "$build" --output-on-failure -R '^cuda$'

# The addon, where Node loads it. With a GPU it computes.
node -e '
  const addon = require(process.argv[1]);
  addon.setErrorClass(class extends Error { constructor(code, message) { super(message); this.code = code; } });
  try {
    const device = addon.openDevice("cuda:0");
    device.full([2], 3).read().then((values) => console.log(`${device.name} computes: ${values}`));
  } catch (error) {
    if (error.code !== "ERR_LATINO_DEVICE") throw error;
    console.log(`The addon loads. ${error.message}`);
  }' "$PWD/$build/native/cuda/latino-cuda.node"
