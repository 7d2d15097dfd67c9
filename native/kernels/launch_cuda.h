// The launcher of the CUDA flavour: grid-stride kernels on the device's stream. They are started through the runtime's interface, not by
// nvcc's syntax, so that the emulated device can run them (native/emulation).
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include "cuda/stream.h"
#include "kernels/host_device.h"
#include "tensor/cancellation.h"
#include "tensor/error.h"
#include "tensor/scratch.h"

namespace latino {

/// Threads of a block, and values that a block sums where a row has more.
inline constexpr unsigned kBlockThreads = 256;
inline constexpr std::int64_t kSumChunk = 8192;

/// What a block's threads share, as many as its launch asks for.
extern __shared__ double blockMemory[];

struct Grid {
  std::int64_t blocks, sharedDoubles = 0;
};

/// kernel(arguments...) on the device's stream. A launch that the driver refuses says so here and nowhere else.
template <class... Parameters>
void start(Device& device, void (*kernel)(Parameters...), Grid grid, std::type_identity_t<Parameters>... arguments) {
  throwIfCancelled();
  void* addresses[] = {&arguments...};
  const cudaError_t error = cudaLaunchKernel(kernel, dim3(static_cast<unsigned>(grid.blocks)), dim3(kBlockThreads), addresses,
                                             static_cast<std::size_t>(grid.sharedDoubles) * sizeof(double), cudaStreamOf(device));
  if (error == cudaSuccess) return;
  cudaGetLastError();  // it is no error of what comes after
  throw RuntimeError(std::string("A kernel could not be started: ") + cudaGetErrorString(error));
}

/// A thread for each of n items, as far as a grid goes: the rest are further rounds of the same threads.
constexpr std::int64_t blocksFor(std::int64_t n) { return std::clamp<std::int64_t>((n + kBlockThreads - 1) / kBlockThreads, 1, 65535); }

template <class F>
__global__ void forEachKernel(std::int64_t n, F f) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) f(i);
}

/// out[row, part] = sum of the part's values, kSumChunk of a row's n at most; a block for each.
template <class Out, class Map>
__global__ void sumPartsKernel(std::int64_t n, std::int64_t parts, Out* out, Map map) {
  const std::int64_t row = blockIdx.x / parts, first = blockIdx.x % parts * kSumChunk;
  const std::int64_t last = first + kSumChunk < n ? first + kSumChunk : n;
  double sum = 0;
  for (std::int64_t i = first + threadIdx.x; i < last; i += kBlockThreads) sum += map(row, i);
  blockMemory[threadIdx.x] = sum;
  for (unsigned half = kBlockThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) blockMemory[threadIdx.x] += blockMemory[threadIdx.x + half];
  }
  if (threadIdx.x == 0) out[blockIdx.x] = static_cast<Out>(blockMemory[0]);
}

/// What adds the sums of a row's parts.
struct PartsOfRow {
  const double* sums;
  std::int64_t parts;
  LATINO_DEVICE double operator()(std::int64_t row, std::int64_t part) const { return sums[row * parts + part]; }
};

/// f(i) for every i in [0, n), in any order; the grain is for CPUs. Inside tasks only.
template <class F>
void forEach(Device& device, std::int64_t n, F f, std::int64_t = 0) {
  if (n <= 0) return;
  start(device, forEachKernel<F>, {blocksFor(n)}, n, f);
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
  start(device, forRowsKernel<F>, {blocksFor(n)}, n, columns, f);
}

/// out[row] = sum over i in [0, n) of map(row, i), a double; out is device memory. The order of summation is fixed.
template <class Out, class Map>
void sumRows(Device& device, std::int64_t rows, std::int64_t n, Out* out, Map map) {
  if (rows <= 0) return;
  const std::int64_t parts = std::max<std::int64_t>(1, (n + kSumChunk - 1) / kSumChunk);
  if (parts == 1) return start(device, sumPartsKernel<Out, Map>, {rows, kBlockThreads}, n, parts, out, map);
  const Scratch memory(device, 2 * rows * parts);
  auto* sums = reinterpret_cast<double*>(memory.data());
  start(device, sumPartsKernel<double, Map>, {rows * parts, kBlockThreads}, n, parts, sums, map);
  sumRows(device, rows, parts, out, PartsOfRow{sums, parts});
}

/// A number that kernels wrote: the host waits for it, which counts as a transfer.
template <class T>
T hostValue(Device& device, const T* number) {
  T value;
  device.copyToHost(&value, number, sizeof value);
  return value;
}

/// The same, but nobody waits: then(number, error), on any thread.
template <class T, class Then>
void whenKnown(Device& device, const T* number, Then then) {
  device.read(number, sizeof(T), [then = std::move(then)](const void* value, std::exception_ptr error) {
    then(value == nullptr ? T{} : *static_cast<const T*>(value), error);
  });
}

/// Iterations of a solver between two looks at its residual, for which the host must wait.
inline constexpr int kIterationsBetweenChecks = 16;

}  // namespace latino
