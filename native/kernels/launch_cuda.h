// The launcher of the CUDA flavour: grid-stride kernels on the device's stream.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "kernels/host_device.h"
#include "tensor/device.h"
#include "tensor/error.h"

namespace latino {

/// The device's cudaStream_t, defined by the CUDA backend.
cudaStream_t cudaStreamOf(Device& device);

/// A launch that the driver refuses says so here and nowhere else.
inline void checkLaunch() {
  if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess)
    throw RuntimeError(std::string("A kernel could not be started: ") + cudaGetErrorString(error));
}

template <class F>
__global__ void forEachKernel(std::int64_t n, F f) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) f(i);
}

template <class Out, class Map>
__global__ void sumRowsKernel(std::int64_t n, Out* out, Map map) {
  __shared__ double partial[256];
  const std::int64_t row = blockIdx.x;
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += 256) sum += map(row, i);
  partial[threadIdx.x] = sum;
  for (int half = 128; half > 0; half /= 2) {
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < half) partial[threadIdx.x] += partial[threadIdx.x + half];
  }
  if (threadIdx.x == 0) out[row] = static_cast<Out>(partial[0]);
}

/// f(i) for every i in [0, n), in any order; the grain is for CPUs. Inside tasks only.
template <class F>
void forEach(Device& device, std::int64_t n, F f, std::int64_t = 0) {
  if (n <= 0) return;
  const unsigned blocks = static_cast<unsigned>(std::clamp<std::int64_t>((n + 255) / 256, 1, 65535));
  forEachKernel<<<blocks, 256, 0, cudaStreamOf(device)>>>(n, f);
  checkLaunch();
}

template <class F>
__global__ void forRowsKernel(std::int64_t n, std::int64_t columns, F f) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) f(i / columns, i % columns);
}

/// f(row, column) for every row and column, in any order.
template <class F>
void forRows(Device& device, std::int64_t rows, std::int64_t columns, F f) {
  const std::int64_t n = rows * columns;
  if (n <= 0) return;
  const unsigned blocks = static_cast<unsigned>(std::clamp<std::int64_t>((n + 255) / 256, 1, 65535));
  forRowsKernel<<<blocks, 256, 0, cudaStreamOf(device)>>>(n, columns, f);
  checkLaunch();
}

/// out[row] = sum over i in [0, n) of map(row, i), a double; out is device memory. The order of summation is fixed.
template <class Out, class Map>
void sumRows(Device& device, std::int64_t rows, std::int64_t n, Out* out, Map map) {
  if (rows <= 0) return;
  sumRowsKernel<<<static_cast<unsigned>(rows), 256, 0, cudaStreamOf(device)>>>(n, out, map);
  checkLaunch();
}

/// A number that kernels wrote: the host waits for it, which counts as a transfer.
template <class T>
T hostValue(Device& device, const T* number) {
  T value;
  device.copyToHost(&value, number, sizeof value);
  device.finish();
  return value;
}

/// Iterations of a solver between two looks at its residual, for which the host must wait.
inline constexpr int kIterationsBetweenChecks = 16;

}  // namespace latino
