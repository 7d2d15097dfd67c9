// The launcher of the CPU flavour: loops over threads, which the compiler vectorises.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/cpu_device.h"
#include "kernels/host_device.h"
#include "tensor/ceil_divide.h"

namespace latino {

inline constexpr std::int64_t kLoopGrain = 16384;
inline constexpr std::int64_t kSumChunk = 4096, kSumParts = 8;

/// f(i) for every i in [0, n), in any order; a thread takes `grain` of them at a time. Inside tasks only.
template <class F>
void forEach(Device& device, std::int64_t n, F f, std::int64_t grain = kLoopGrain) {
  if (n <= 0) return;
  threadsOf(device).parallelFor(n, grain, [&f](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) f(i);
  });
}

/// f(row, column) for every row and column, in any order: without the divisions of a flat index, which cost more than most kernels do.
template <class F>
void forRows(Device& device, std::int64_t rows, std::int64_t columns, F f) {
  threadsOf(device).parallelFor(rows * columns, kLoopGrain, [&f, columns](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin / columns, first = begin % columns; begin < end; ++row, first = 0) {
      const std::int64_t last = std::min(columns, first + end - begin);
      for (std::int64_t column = first; column < last; ++column) f(row, column);
      begin += last - first;
    }
  });
}

/// out[i] = f(inputs[i]...) for every i in [0, n).
template <class F, class... Inputs>
void mapFloats(Device& device, std::int64_t n, float* out, F f, const Inputs*... inputs) {
  forEach(device, n, [=](std::int64_t i) { out[i] = f(inputs[i]...); });
}

/// Whole elements of any type, 2, 4 or 8 bytes wide, in halves.
inline void copyBytes(Device& device, const void* from, void* to, std::size_t bytes) {
  const auto* source = static_cast<const std::uint16_t*>(from);
  auto* target = static_cast<std::uint16_t*>(to);
  forEach(device, static_cast<std::int64_t>(bytes / 2), [=](std::int64_t i) { target[i] = source[i]; });
}

/// Who computes one item of forTeams: here a thread alone.
struct Team {
  /// start + map(0) + ... + map(n - 1), known to all of the team.
  template <class Map>
  double sum(double start, std::int64_t n, const Map& map) const {
    for (std::int64_t i = 0; i < n; ++i) start += map(i);
    return start;
  }
  /// Whether this one writes what the team has computed.
  bool writes() const { return true; }
};

/// f(i, team) for every i in [0, n), in any order: for items of many values, `size` at most, which a team sums together.
template <class F>
void forTeams(Device& device, std::int64_t n, std::int64_t /*size*/, F f, std::int64_t grain = kLoopGrain) {
  forEach(
      device, n, [=](std::int64_t i) { f(i, Team()); }, grain);
}

/// out[row] = sum over i in [0, n) of map(row, i), a double; out is device memory. The order of summation is fixed, whatever the number of
/// threads.
template <class Out, class Map>
void sumRows(Device& device, std::int64_t rows, std::int64_t n, Out* out, Map map) {
  if (rows <= 0) return;
  const std::int64_t chunks = ceilDivide(n, kSumChunk);
  std::vector<double> sums(static_cast<std::size_t>(rows * chunks));
  threadsOf(device).parallelFor(rows * chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int64_t row = k / chunks, first = k % chunks * kSumChunk, last = std::min(n, first + kSumChunk);
      double parts[kSumParts] = {};  // as many chains of additions
      std::int64_t i = first;
      for (; i + kSumParts <= last; i += kSumParts) {
        for (std::int64_t part = 0; part < kSumParts; ++part) parts[part] += map(row, i + part);
      }
      for (; i < last; ++i) parts[0] += map(row, i);
      double sum = 0;
      for (const double part : parts) sum += part;
      sums[static_cast<std::size_t>(k)] = sum;
    }
  });
  for (std::int64_t row = 0; row < rows; ++row) {
    double sum = 0;
    for (std::int64_t k = 0; k < chunks; ++k) sum += sums[static_cast<std::size_t>(row * chunks + k)];
    out[row] = static_cast<Out>(sum);
  }
}

/// A number that kernels wrote.
template <class T>
T hostValue(Device&, const T* number) {
  return *number;
}

/// Neighbouring values that a thread computes together: here they share vector registers.
inline constexpr std::int64_t kNeighbours = 64;

/// As many of them as one register holds (of double, two), from anywhere in memory.
inline constexpr std::int64_t kPackLanes = 8;
template <class T>
struct PackOf {
  typedef T Type __attribute__((vector_size(kPackLanes * sizeof(T)), aligned(sizeof(T)), may_alias));
};

/// Iterations of a solver between two looks at its residual, which a CPU has at hand.
inline constexpr int kIterationsBetweenChecks = 1;

}  // namespace latino
