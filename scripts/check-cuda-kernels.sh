#!/usr/bin/env bash
# Every kernel that the host starts is one that nvcc has compiled for the GPU. The two disagree where a loop's body captures what the lambda
# around it has captured by an initializer ([n = n_]): nvcc takes it for an int64, the host's compiler for a const one, so that the host starts
# an instance that no GPU knows ("invalid resource handle"), which neither compiling nor linking shows.
#   scripts/check-cuda-kernels.sh <build folder>
set -euo pipefail
status=0 kernels=0
while read -r object; do
  symbols=$(nm -C "$object")
  started=$(grep -E ' [tTW] void latino::[A-Za-z]*Kernel<' <<<"$symbols" | grep -vc '\[clone' || true)
  compiled=$(grep -Ec '__device_stub__.*::__handle$' <<<"$symbols" || true)
  kernels=$((kernels + started))
  if [ "$started" != "$compiled" ]; then
    echo "Expected the kernels of $(basename "$object" .o) to be known to host and GPU alike but the host starts $started and nvcc compiled $compiled"
    status=1
  fi
done < <(find "$1" -name '*.o' -path '*/native/cuda/*')
[ "$kernels" -gt 0 ] || { echo 'Expected kernels among the objects but found none'; status=1; }
[ "$status" != 0 ] || echo "All $kernels kernels are known to host and GPU alike"
exit $status
