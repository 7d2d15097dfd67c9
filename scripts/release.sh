#!/usr/bin/env bash
# Makes the packages of a release into a folder, after `make build`: those that are named (main, linux-x64, ...), or all that can be made here. Linux on x86-64
# compiles for arm64 where the compiler is, and for GPUs where nvcc, cuFFT and cuBLAS are. Others: .github/workflows/release.yml.
#   bash scripts/release.sh release
#   bash scripts/release.sh release darwin-arm64
set -euo pipefail
out=${1:-release}
shift || true
wanted=("$@")
here=$(node -p 'process.platform + "-" + process.arch')
rm -rf "$out" build/release

compile_arm64() {
  cmake -S . -B build-release-arm64 -G Ninja -DCMAKE_TOOLCHAIN_FILE=native/portable/aarch64.cmake -DLATINO_PORTABLE=ON -DCMAKE_JS_VERSION=none \
    "-DCMAKE_JS_INC=$(node -p "require('node-api-headers').include_dir")"
  cmake --build build-release-arm64 --target latino
}

if [ ${#wanted[@]} -eq 0 ]; then
  wanted=(main "$here")
  if [ "$here" = linux-x64 ] && command -v aarch64-linux-gnu-g++ >/dev/null 2>&1; then wanted+=(linux-arm64); fi
  if [ "$here" = linux-x64 ] && command -v nvcc >/dev/null 2>&1 && [ -n "$(bash scripts/cuda-packages.sh)" ]; then wanted+=(linux-x64-cuda); fi
fi
packages=()
for platform in "${wanted[@]}"; do
  case $platform in
    main) packages+=(main) && continue ;;
    "$here") folder=build addon=latino ;;
    linux-arm64) compile_arm64 && folder=build-release-arm64 addon=latino ;;
    linux-x64-cuda) bash scripts/check-cuda.sh && folder=build-cuda addon=latino-cuda ;;
    *) echo "Expected main or a platform that $here compiles for but received $platform" >&2 && exit 2 ;;
  esac
  # Without symbols, and without the folders where this machine has the libraries.
  cmake --install "$folder" --component "$addon" --strip --prefix "build/release/$platform"
  packages+=("$platform=build/release/$platform")
done
node scripts/release/pack.mjs "$out" "${packages[@]}"
node scripts/release/check.mjs "$out"
