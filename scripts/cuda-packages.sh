#!/usr/bin/env bash
# Brings cuFFT and cuBLAS, which are among NVIDIA's Python packages, into the build folder, once, and says where they lie, as options for CMake,
# one a line; nothing where they are not to be had. LATINO_CUDA_PACKAGES names a folder that has them already.
set -euo pipefail
folder=${LATINO_CUDA_PACKAGES:-build/cuda/packages}
mkdir -p "$folder" build/cuda
exec 9>build/cuda/lock && flock 9  # two checks may want them at once
if [ -z "${LATINO_CUDA_PACKAGES:-}" ] && [ ! -e "$folder/.complete" ]; then
  if ! python3 -m pip download --quiet --no-deps --retries 1 --dest "$folder" nvidia-cufft nvidia-cublas 2>"$folder/pip.log"; then exit 0; fi
  for wheel in "$folder"/*.whl; do
    python3 -m zipfile -e "$wheel" "$folder"
    rm "$wheel"
  done
  touch "$folder/.complete"
fi
bash scripts/cuda-libraries.sh build/cuda/headers "$folder"
