#!/usr/bin/env bash
# Builds the addon from binding.gyp, on x86-64 for processors without AVX2, and compares what it restores with what the addon of `make build` does
# (check-package.sh has one for AVX-512). Optimised less than what is shipped, which takes longer to compile than this takes to run.
set -euo pipefail
options=(--latino_optimization=1)
if [ "$(uname -m)" = x86_64 ]; then options+=(--latino_march=x86-64-v2); fi
bash scripts/build-gyp.sh "${options[@]}"
node scripts/compare-addons.mjs build/Release/latino.node build-gyp/build/Release/latino.node
