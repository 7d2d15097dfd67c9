#!/usr/bin/env bash
# Installs the compiler, CMake, Eigen and the C++ test framework where they are missing (Debian and its relatives).
set -euo pipefail

packages=()
need() { [ -e "$2" ] || command -v "$2" >/dev/null 2>&1 || packages+=("$1"); }
need g++ g++
need cmake cmake
need ninja-build ninja
need python3 python3
need pkg-config pkg-config
need libeigen3-dev /usr/include/eigen3/Eigen/Core
need doctest-dev /usr/include/doctest/doctest.h
need clang-format clang-format
[ ${#packages[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "Please install with your package manager: ${packages[*]}" >&2
  exit 1
fi
sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq "${packages[@]}"
