#!/usr/bin/env bash
# Checks the CUDA flavour on a machine with a GPU, which needs no Node and no network: builds it, runs the C++ tests on the GPU, times its
# kernels against the speed of a copy, and looks for wrong memory accesses and races. Eigen and doctest may lie in .gpu, laid out as in /usr.
# With --emulated all that an emulated device can do, so that this works when there is a GPU: the same tests and those of the device, no times.
#   OUT=<folder of the results> bash scripts/gpu-check.sh [--emulated]
set -uo pipefail
out=${OUT:-build-gpu/results}
build=build-gpu
mkdir -p "$out" "$build"
rm -f "$out"/{tests,sanitizers}.txt
started=$SECONDS
say() { echo "gpu-check [$((SECONDS - started)) s]: $*" | tee -a "$out/log.txt"; }

files=(tensor kernels bands linalg operators convolution prox_reference) limit=100 bench= sanitizer=
if [ "${1:-}" = --emulated ]; then
  # As `make emulated` has built them.
  tests=build-emulated/native/emulation/latino_emulated_tests
  files+=(emulation planted_faults device session onnxruntime)
  limit=600
else
  nvcc=$(command -v nvcc || ls -d /usr/local/cuda*/bin/nvcc 2>/dev/null | tail -1)
  [ -n "$nvcc" ] || { say 'no nvcc here'; exit 1; }
  query() { nvidia-smi --query-gpu="$1" --format=csv,noheader 2>/dev/null | head -1; }
  architecture=$(query compute_cap | tr -d .)
  driver=$(query driver_version)
  say "$(query name), driver ${driver:-none}, $("$nvcc" --version | tail -1), $(g++ --version | head -1), $(cmake --version | head -1), $(nproc) cores"

  packages=$(python3 -c 'import nvidia; print("\n".join(nvidia.__path__))' 2>/dev/null)
  mapfile -t options < <(bash scripts/cuda-libraries.sh "$build/headers" $packages ${LATINO_CUDA_PACKAGES:-})
  say "libraries: ${options[*]:-those of the toolkit}"

  export CPLUS_INCLUDE_PATH=$PWD/.gpu/include${CPLUS_INCLUDE_PATH:+:$CPLUS_INCLUDE_PATH}
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DLATINO_CUDA=ON -DLATINO_WERROR=OFF -DLATINO_TESTS=ON -DCMAKE_CUDA_COMPILER="$nvcc" \
    -DCMAKE_CUDA_ARCHITECTURES="${architecture:-90}-real" -DCMAKE_PREFIX_PATH="$PWD/.gpu" "${options[@]}" >>"$out/log.txt" 2>&1 ||
    { tail -40 "$out/log.txt"; say 'configuring failed'; exit 1; }
  # Whatever can be built, all of it: what follows uses what there is.
  timeout 200 cmake --build "$build" --target latino_cuda_tests latino_cuda_bench -- -k 0 >>"$out/log.txt" 2>&1 || { tail -60 "$out/log.txt"; say 'the build failed'; }
  say 'built'
  tests=$build/native/cuda/latino_cuda_tests bench=$build/native/cuda/latino_cuda_bench
  sanitizer=$(command -v compute-sanitizer || ls -d "$(dirname "$nvcc")"/compute-sanitizer /usr/local/cuda*/bin/compute-sanitizer /opt/nvidia/*/*/compute-sanitizer 2>/dev/null | head -1)
fi
[ -x "$tests" ] || { say "no tests at $tests"; exit 1; }
status=0

# Each file's tests in a process of its own: an illegal access spoils the GPU's context for all that follows.
for file in "${files[@]}"; do
  (timeout "$limit" "$tests" --source-file="*/${file}_test.cpp" --duration=true --no-colors=true >"$build/$file.txt" 2>&1; echo $? >"$build/$file.rc") &
done
wait
for file in "${files[@]}"; do
  code=$(cat "$build/$file.rc")
  { echo "=== ${file}_test.cpp: exit $code"; cat "$build/$file.txt"; } >>"$out/tests.txt"
  say "$file: exit $code, $(grep -a 'test cases:' "$build/$file.txt" || tail -1 "$build/$file.txt")"
  if [ "$code" = 77 ]; then exit 77; fi
  # Of no test none fails.
  [ "$code" = 0 ] && grep -qaE 'test cases: +[1-9]' "$build/$file.txt" || status=1
done

if [ -n "$bench" ]; then
  say 'times'
  timeout 60 "$bench" "$out/bench.json" "$driver" >>"$out/log.txt" 2>&1 || { tail -3 "$out/log.txt"; status=1; say 'the bench failed'; }
fi
tools=()
[ -z "$sanitizer" ] || tools=(memcheck racecheck)
say "sanitizers: ${sanitizer:-none here}"
for tool in "${tools[@]}"; do
  (timeout 40 "$sanitizer" --tool "$tool" --error-exitcode 1 "$tests" --no-colors=true \
    --test-case='element-wise kernels,norms agree*,a frame is mirrored*,banded products agree with dense*,images of a batch*' \
    >"$build/$tool.txt" 2>&1; echo $? >"$build/$tool.rc") &
done
wait
for tool in "${tools[@]}"; do
  code=$(cat "$build/$tool.rc")
  { echo "=== $tool: exit $code"; tail -c 60000 "$build/$tool.txt"; } >>"$out/sanitizers.txt"
  say "$tool: exit $code (124: not finished in time), $(grep -a 'SUMMARY' "$build/$tool.txt" | tail -1)"
  [ "$code" = 0 ] || status=1
done
say "done: $status"
exit $status
