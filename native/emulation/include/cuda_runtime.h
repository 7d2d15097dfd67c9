// What NVIDIA's header leaves to nvcc, for a compiler of the host: how a kernel reaches the emulated device with the types of its
// arguments, and what kernels may use.
#pragma once

#include_next <cuda_runtime.h>
#include <device_launch_parameters.h>

#include <functional>
#include <tuple>
#include <utility>

void __syncthreads();

namespace latino::emulation {

/// As cudaLaunchKernel, of what each thread does.
cudaError_t launch(std::function<void()> thread, dim3 grid, dim3 block, std::size_t sharedBytes, cudaStream_t stream);

template <class... Parameters, std::size_t... Index>
std::function<void()> bound(void (*kernel)(Parameters...), void** arguments, std::index_sequence<Index...>) {
  return [kernel, values = std::tuple<Parameters...>(*static_cast<Parameters*>(arguments[Index])...)] { std::apply(kernel, values); };
}

}  // namespace latino::emulation

template <class... Parameters>
cudaError_t cudaLaunchKernel(void (*kernel)(Parameters...), dim3 grid, dim3 block, void** arguments, std::size_t sharedBytes,
                             cudaStream_t stream) {
  return latino::emulation::launch(latino::emulation::bound(kernel, arguments, std::index_sequence_for<Parameters...>()), grid, block,
                                   sharedBytes, stream);
}
