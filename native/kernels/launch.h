// Runs a functor over an index range on whatever device the data is on: one source for the CPU and for CUDA.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/host_device.h"
#include "tensor/device.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>

#include "tensor/error.h"
#endif

namespace latino {

inline constexpr std::int64_t kLoopGrain = 16384;
inline constexpr std::int64_t kSumChunk = 4096;

#ifdef __CUDACC__
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
#endif

/// f(i) for every i in [0, n), in any order; on a CPU a thread takes `grain` of them at a time. Inside tasks only.
template <class F>
void forEach(Device& device, std::int64_t n, F f, std::int64_t grain = kLoopGrain) {
  if (n <= 0) return;
#ifdef __CUDACC__
  if (device.kind() == DeviceKind::cuda) {
    const unsigned blocks = static_cast<unsigned>(std::clamp<std::int64_t>((n + 255) / 256, 1, 65535));
    forEachKernel<<<blocks, 256, 0, cudaStreamOf(device)>>>(n, f);
    checkLaunch();
    return;
  }
#endif
  device.threads().parallelFor(n, grain, [&f](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) f(i);
  });
}

/// out[row] = sum over i in [0, n) of map(row, i), a double; out is device memory. The order of summation is fixed per device, whatever
/// the number of threads.
template <class Out, class Map>
void sumRows(Device& device, std::int64_t rows, std::int64_t n, Out* out, Map map) {
  if (rows <= 0) return;
#ifdef __CUDACC__
  if (device.kind() == DeviceKind::cuda) {
    sumRowsKernel<<<static_cast<unsigned>(rows), 256, 0, cudaStreamOf(device)>>>(n, out, map);
    checkLaunch();
    return;
  }
#endif
  const std::int64_t chunks = (n + kSumChunk - 1) / kSumChunk;
  std::vector<double> sums(static_cast<std::size_t>(rows * chunks));
  device.threads().parallelFor(rows * chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int64_t row = k / chunks, first = k % chunks * kSumChunk, last = std::min(n, first + kSumChunk);
      double sum = 0;
      for (std::int64_t i = first; i < last; ++i) sum += map(row, i);
      sums[static_cast<std::size_t>(k)] = sum;
    }
  });
  for (std::int64_t row = 0; row < rows; ++row) {
    double sum = 0;
    for (std::int64_t k = 0; k < chunks; ++k) sum += sums[static_cast<std::size_t>(row * chunks + k)];
    out[row] = static_cast<Out>(sum);
  }
}

/// A number that kernels wrote: read in place on a CPU; elsewhere the host waits for it, which counts as a transfer.
template <class T>
T hostValue(Device& device, const T* number) {
  if (device.kind() == DeviceKind::cpu) return *number;
  T value;
  device.copyToHost(&value, number, sizeof value);
  device.finish();
  return value;
}

}  // namespace latino
