#!/usr/bin/env bash
# Builds the native core one way and runs its C++ tests: sanitize, thread or arm64. Skipped where a tool for it is missing.
set -euo pipefail
way=$1
need() {
  for tool in "$@"; do
    if ! command -v "$tool" >/dev/null 2>&1; then
      echo "check-native $way: no $tool here, skipped"
      exit 0
    fi
  done
}

addon=(-DCMAKE_JS_VERSION=none "-DCMAKE_JS_INC=$(node -p "require('node-api-headers').include_dir")")
# Optimised less than what is shipped, which takes longer to compile than these tests take to run.
options=(-DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG")
# With line numbers in what a sanitizer says.
sanitized=(-DCMAKE_BUILD_TYPE=None "-DCMAKE_CXX_FLAGS=-O1 -g1")
case $way in
  sanitize) # By the compiler of macOS, with its library and the addon; GCC stands in where it is missing.
    # Each file by itself: its library includes less, and what a file forgets is to be seen.
    options=("${sanitized[@]}" -DLATINO_SANITIZE=address,undefined -DLATINO_UNITY=OFF)
    if ! command -v clang++ >/dev/null 2>&1; then
      echo "check-native sanitize: no clang++ here, so with the default compiler and without the addon"
    else
      options+=(-DCMAKE_CXX_COMPILER=clang++ "${addon[@]}")
      if echo '#include <vector>' | clang++ -stdlib=libc++ -x c++ -fsyntax-only - 2>/dev/null; then
        # With its headers as modules, which are read in half the time, and show no more than what is included.
        options+=("-DCMAKE_CXX_FLAGS=-O1 -g1 -stdlib=libc++ -fmodules -fmodules-cache-path=modules")
      else
        echo "check-native sanitize: no libc++ here, so with libstdc++"
      fi
    fi
    ;;
  thread)
    options=("${sanitized[@]}" -DLATINO_SANITIZE=thread -DLATINO_SLOW_RUN=ON)
    ;;
  arm64)
    need aarch64-linux-gnu-g++ qemu-aarch64
    # With the addon, which package-check installs.
    options+=(-DLATINO_SLOW_RUN=ON -DLATINO_PORTABLE=ON -DCMAKE_TOOLCHAIN_FILE=native/portable/aarch64.cmake "${addon[@]}")
    ;;
  *)
    echo "Expected sanitize, thread or arm64 but received $way" >&2
    exit 2
    ;;
esac
cmake -S . -B "build-$way" -G Ninja -DLATINO_TESTS=ON "${options[@]}"
cmake --build "build-$way"
ctest --test-dir "build-$way" --output-on-failure
