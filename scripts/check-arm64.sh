#!/usr/bin/env bash
# Builds the native core for arm64 and runs its tests under emulation; skipped where the cross-compiler or the emulator is missing
# (Debian: g++-aarch64-linux-gnu, qemu-user).
set -euo pipefail
for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  if ! command -v "$tool" >/dev/null 2>&1; then
    echo "arm64-check: no $tool here, skipped"
    exit 0
  fi
done
cmake -S . -B build-arm64 -G Ninja -DLATINO_TESTS=ON -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
  -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DEigen3_DIR=/usr/share/eigen3/cmake "-DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64;-L;/usr/aarch64-linux-gnu"
cmake --build build-arm64
ctest --test-dir build-arm64 --output-on-failure
