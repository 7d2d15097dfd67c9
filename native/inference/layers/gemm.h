// The inner loop of matrix products whose weights lie in panels of sixteen outputs: six rows of x at a time, so that the twelve sums of
// a panel stay in registers. Weights may be kept in half precision; they are widened as they are read, once for all rows of a group.
#pragma once

#include <array>
#include <cstdint>

#include "inference/layers/vector8.h"

namespace latino::layers {

inline constexpr int kPanel = 2 * kLanes, kGroupRows = 6;

/// Weights are asked for this many bytes ahead: they come from memory in the order in which they are read.
inline constexpr std::int64_t kPrefetchBytes = 2048;
/// Not to be kept: the weights of a network are more than the caches hold, and would drive out what passes between its layers.
inline constexpr int kReadOnce = 0;

/// Of each row in a group: the sums of the panel's sixteen outputs, or of the first eight.
template <int rows, int vectors = 2>
using Sums = Vector8[rows][vectors];

/// The terms of a sum: `count` neighbours `step` floats apart, in `runs` that begin `runStride` floats apart.
struct Terms {
  std::int64_t count, step = 1, runs = 1, runStride = 0;
};

/// sums[r][o] += sum over the terms t of x[r][t] w[t, o]
template <int rows, class Weight, int vectors>
inline void multiplyAdd(const std::array<const float*, rows>& x, const Terms& terms, const Weight* w, Sums<rows, vectors>& sums) {
  Sums<rows, vectors> kept;  // in registers, as what lies behind a reference is not
#pragma GCC unroll 12
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) kept[r][v] = sums[r][v];
  for (std::int64_t run = 0; run < terms.runs; ++run) {
    const std::int64_t first = run * terms.runStride;
    for (std::int64_t t = 0; t < terms.count; ++t, w += kPanel) {
      __builtin_prefetch(reinterpret_cast<const char*>(w) + kPrefetchBytes, 0, kReadOnce);
      Vector8 factors[vectors];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) factors[v] = widen(w + v * kLanes);
#pragma GCC unroll 12
      for (int r = 0; r < rows; ++r) {
        const Vector8 value = broadcast(x[r][first + t * terms.step]);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) kept[r][v] += value * factors[v];
      }
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[r][v] = kept[r][v];
}

/// from: [rows, 16], where `stride` floats lie between rows
template <int rows, int vectors>
inline void loadRows(const float* from, Sums<rows, vectors>& sums, std::int64_t stride) {
#pragma GCC unroll 12
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[r][v] = load(from + r * stride + v * kLanes);
}

/// to: [rows, 16], where `stride` floats lie between rows
template <int rows, int vectors>
inline void storeRows(const Sums<rows, vectors>& sums, float* to, std::int64_t stride = kPanel) {
#pragma GCC unroll 12
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) store(to + r * stride + v * kLanes, sums[r][v]);
}

/// Calls task.operator()<rows>(first) for groups of six rows and for what is left; of twelve where a row has one vector of sums.
template <int vectors = 2, class Task>
inline void forRowGroups(std::int64_t count, const Task& task) {
  std::int64_t first = 0;
  if constexpr (vectors == 1)
    for (; first + 2 * kGroupRows <= count; first += 2 * kGroupRows) task.template operator()<2 * kGroupRows>(first);
  for (; first + kGroupRows <= count; first += kGroupRows) task.template operator()<kGroupRows>(first);
  switch (count - first) {
    case 5:
      return task.template operator()<5>(first);
    case 4:
      return task.template operator()<4>(first);
    case 3:
      return task.template operator()<3>(first);
    case 2:
      return task.template operator()<2>(first);
    case 1:
      return task.template operator()<1>(first);
    default:
      return;
  }
}

}  // namespace latino::layers
