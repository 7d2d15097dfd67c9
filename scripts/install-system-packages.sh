#!/usr/bin/env bash
# Installs Node, the compiler, CMake, Eigen and the C++ test framework where they are missing (Debian and its relatives).
# Where the distribution's Node is too old (Debian 12), a newer one and its npm come from the npm registry into build/node,
# which the Makefile puts first on the path.
set -euo pipefail

packages=()
need() { [ -e "$2" ] || command -v "$2" >/dev/null 2>&1 || packages+=("$1"); }
# Debian keeps Node's headers, which binding.gyp builds with, in a package of their own.
command -v node >/dev/null 2>&1 || packages+=(nodejs libnode-dev)
need npm npm
need g++ g++
need cmake cmake
need ninja-build ninja
need python3 python3
need pkg-config pkg-config
need libeigen3-dev /usr/include/eigen3/Eigen/Core
need doctest-dev /usr/include/doctest/doctest.h
need clang-format clang-format
if [ ${#packages[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "Please install with your package manager: ${packages[*]}" >&2
    exit 1
  fi
  sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${packages[@]}"
  hash -r
fi

if ! node -e "const [major, minor] = process.versions.node.split('.').map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)"; then
  platform=$(node -p '`${process.platform}-${process.arch}`')
  echo "Node $(node --version) is too old, so Node 20 and its npm go into build/node"
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix build/node "node-$platform@20" npm@11
fi
