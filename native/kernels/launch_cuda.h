// The launcher of the CUDA flavour: grid-stride kernels on the device's stream. They are started through the runtime's interface, not by
// nvcc's syntax, so that the emulated device can run them (native/emulation).
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include "cuda/current_gpu.h"
#include "cuda/stream.h"
#include "kernels/host_device.h"
#include "tensor/cancellation.h"
#include "tensor/ceil_divide.h"
#include "tensor/error.h"
#include "tensor/scratch.h"

namespace latino {

/// Threads of a block, and values that a block sums where a row has more.
inline constexpr unsigned kBlockThreads = 256;
inline constexpr std::int64_t kSumChunk = 8192;

/// What a block's threads share, as many as its launch asks for.
extern __shared__ double blockMemory[];

struct Grid {
  std::int64_t blocks;
  unsigned threads = kBlockThreads;
  std::int64_t sharedDoubles = 0;
};

/// kernel(arguments...) on the device's stream. A launch that the driver refuses says so here and nowhere else.
template <class... Parameters>
void start(Device& device, void (*kernel)(Parameters...), Grid grid, std::type_identity_t<Parameters>... arguments) {
  throwIfCancelled();
  void* addresses[] = {&arguments...};
  const cudaError_t error = cudaLaunchKernel(kernel, dim3(static_cast<unsigned>(grid.blocks)), dim3(grid.threads), addresses,
                                             static_cast<std::size_t>(grid.sharedDoubles) * sizeof(double), cudaStreamOf(device));
  requireSuccess(error, "Starting a kernel");
}

/// As far as a grid goes: what is more is further rounds of the same threads.
inline constexpr std::int64_t kMostBlocks = 65535;
/// With a thread for each of n items.
constexpr std::int64_t blocksFor(std::int64_t n) { return std::clamp<std::int64_t>(ceilDivide(n, kBlockThreads), 1, kMostBlocks); }

template <class F>
__global__ void forEachKernel(std::int64_t n, F f) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) f(i);
}

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

template <class F, class... Quads>
LATINO_DEVICE float4 ofQuads(const F& f, Quads... quads) {
  return {f(quads.x...), f(quads.y...), f(quads.z...), f(quads.w...)};
}

template <class F, class... Inputs>
__global__ void mapFloatsKernel(std::int64_t quads, std::int64_t n, float* out, F f, Inputs... inputs) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = first; i < quads; i += stride)
    reinterpret_cast<float4*>(out)[i] = ofQuads(f, reinterpret_cast<const float4*>(inputs)[i]...);
  for (std::int64_t i = 4 * quads + first; i < n; i += stride) out[i] = f(inputs[i]...);
}

/// out[i] = f(inputs[i]...) for every i in [0, n), 16 bytes at a time where all begin at a multiple of that.
template <class F, class... Inputs>
void mapFloats(Device& device, std::int64_t n, float* out, F f, const Inputs*... inputs) {
  if (n <= 0) return;
  const bool isAligned = ((reinterpret_cast<std::uintptr_t>(out) | ... | reinterpret_cast<std::uintptr_t>(inputs)) % sizeof(float4)) == 0;
  const std::int64_t quads = isAligned ? n / 4 : 0;
  void (*kernel)(std::int64_t, std::int64_t, float*, F, const Inputs*...) = mapFloatsKernel<F, const Inputs*...>;
  start(device, kernel, {blocksFor(std::max(quads, n - 4 * quads))}, quads, n, out, f, inputs...);
}

inline void copyBytes(Device& device, const void* from, void* to, std::size_t bytes) {
  if (bytes == 0) return;
  requireSuccess(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, cudaStreamOf(device)), "A copy");
}

/// Who computes one item of forTeams: the threads of a block.
class Team {
 public:
  /// start + map(0) + ... + map(n - 1), known to all of the team; the order of summation is fixed. To be called by all of them.
  template <class Map>
  LATINO_DEVICE double sum(double start, std::int64_t n, const Map& map) const {
    double own = 0;
    for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) own += map(i);
    __syncthreads();  // some may still read the last sum
    blockMemory[threadIdx.x] = own;
    __syncthreads();
    // Each of a few sums what is a multiple of their number away, and everybody the few: two barriers instead of one for each halving.
    constexpr unsigned kFew = 16;
    if (threadIdx.x < kFew)
      for (unsigned other = threadIdx.x + kFew; other < blockDim.x; other += kFew) blockMemory[threadIdx.x] += blockMemory[other];
    __syncthreads();
    double sum = start;
    for (unsigned few = 0; few < kFew; ++few) sum += blockMemory[few];
    return sum;
  }
  /// Whether this one writes what the team has computed.
  LATINO_DEVICE bool writes() const { return threadIdx.x == 0; }
};

template <class F>
__global__ void forTeamsKernel(std::int64_t n, F f) {
  for (std::int64_t i = blockIdx.x; i < n; i += gridDim.x) f(i, Team());
}

/// f(i, team) for every i in [0, n), in any order: for items of many values, `size` at most, which a team sums together.
template <class F>
void forTeams(Device& device, std::int64_t n, std::int64_t size, F f, std::int64_t = 0) {
  if (n <= 0) return;
  // A power of two, and whole warps.
  const unsigned threads = std::bit_ceil(static_cast<unsigned>(std::clamp<std::int64_t>(size, 32, kBlockThreads)));
  start(device, forTeamsKernel<F>, {std::min<std::int64_t>(n, kMostBlocks), threads, threads}, n, f);
}

/// What a team sums: a part of a row of n values.
template <class Out, class Map>
struct SumOfPart {
  std::int64_t n, parts;
  Out* out;
  Map map;
  LATINO_DEVICE void operator()(std::int64_t i, Team team) const {
    const std::int64_t row = i / parts, first = i % parts * kSumChunk, count = n - first < kSumChunk ? n - first : kSumChunk;
    const double sum = team.sum(0, count, [=, this](std::int64_t at) -> double { return map(row, first + at); });
    if (team.writes()) out[i] = static_cast<Out>(sum);
  }
};

/// What adds the sums of a row's parts.
struct PartsOfRow {
  const double* sums;
  std::int64_t parts;
  LATINO_DEVICE double operator()(std::int64_t row, std::int64_t part) const { return sums[row * parts + part]; }
};

/// out[row] = sum over i in [0, n) of map(row, i), a double; out is device memory. The order of summation is fixed.
template <class Out, class Map>
void sumRows(Device& device, std::int64_t rows, std::int64_t n, Out* out, Map map) {
  const std::int64_t parts = std::max<std::int64_t>(1, ceilDivide(n, kSumChunk));
  if (parts == 1) return forTeams(device, rows, n, SumOfPart<Out, Map>{n, parts, out, map});
  const Scratch memory(device, 2 * rows * parts);
  auto* sums = reinterpret_cast<double*>(memory.data());
  forTeams(device, rows * parts, kSumChunk, SumOfPart<double, Map>{n, parts, sums, map});
  sumRows(device, rows, parts, out, PartsOfRow{sums, parts});
}

/// A number that kernels wrote: the host waits for it, which counts as a transfer.
template <class T>
T hostValue(Device& device, const T* number) {
  T value;
  device.copyToHost(&value, number, sizeof value);
  return value;
}

/// Neighbouring values that a thread computes together: here those are another thread's, so that a block reads what lies side by side.
inline constexpr std::int64_t kNeighbours = 1;

/// As many of them as one register holds.
inline constexpr std::int64_t kPackLanes = 1;
template <class T>
struct PackOf {
  using Type = T;
};

/// Iterations of a solver between two looks at its residual, for which the host must wait.
inline constexpr int kIterationsBetweenChecks = 16;

}  // namespace latino
