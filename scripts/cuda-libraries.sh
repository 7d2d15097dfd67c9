#!/usr/bin/env bash
# Says where cuFFT and cuBLAS of NVIDIA's Python packages lie below some folders, as options for CMake, one a line; nothing where they are not
# there. Links to their headers go into a folder of their own: beside them may lie those of another CUDA Toolkit.
#   bash scripts/cuda-libraries.sh <folder for the headers> <folder>...
set -euo pipefail
headers=$1
shift
found=$(for folder in "$@"; do
  find -L "$folder" \( -name 'libcufft.so*' -o -name 'libcublas*.so*' -o -name 'cufft*.h' -o -name 'cublas*.h' \) 2>/dev/null || true
done)
library() { grep -m 1 "/$1\.so" <<<"$found" || true; }
if [ -z "$(library libcufft)" ] || [ -z "$(library libcublas)" ] || [ -z "$(library libcublasLt)" ]; then exit 0; fi
mkdir -p "$headers"
grep '\.h$' <<<"$found" | while read -r header; do ln -sf "$(readlink -f "$header")" "$headers/"; done
printf '%s\n' "-DCUDA_cufft_LIBRARY=$(readlink -f "$(library libcufft)")" "-DCUDA_cublas_LIBRARY=$(readlink -f "$(library libcublas)")" \
  "-DCUDA_cublasLt_LIBRARY=$(readlink -f "$(library libcublasLt)")" "-DLATINO_CUDA_INCLUDE=$(readlink -f "$headers")"
