// The inner loop of matrix products whose weights lie in panels of sixteen outputs: six rows of x at a time, so that the twelve sums of
// a panel stay in registers. Weights may be kept in half precision; they are widened as they are read, once for all rows of a group.
#pragma once

#include <array>
#include <cstdint>

#include "inference/cpu/vector8.h"

namespace latino::cpu {

inline constexpr int kPanel = 2 * kLanes, kGroupRows = 6;

/// Of each row in a group: the sums of the panel's sixteen outputs.
template <int rows>
using Sums = Vector8[rows][2];

/// sums[r][o] += sum over t of x[r][t * step] w[t, o]
template <int rows, class Weight>
inline void multiplyAdd(const std::array<const float*, rows>& x, std::int64_t step, const Weight* w, std::int64_t terms, Sums<rows>& sums) {
  Sums<rows> kept;  // in registers, as what lies behind a reference is not
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) {
    kept[r][0] = sums[r][0];
    kept[r][1] = sums[r][1];
  }
  for (std::int64_t t = 0; t < terms; ++t, w += kPanel) {
    const Vector8 low = widen(w), high = widen(w + kLanes);
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
      const Vector8 factor = broadcast(x[r][t * step]);
      kept[r][0] += factor * low;
      kept[r][1] += factor * high;
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) {
    sums[r][0] = kept[r][0];
    sums[r][1] = kept[r][1];
  }
}

/// to: [rows, 16]
template <int rows>
inline void storeRows(const Sums<rows>& sums, float* to) {
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) {
    store(to + r * kPanel, sums[r][0]);
    store(to + r * kPanel + kLanes, sums[r][1]);
  }
}

/// Calls task.operator()<rows>(first) for groups of six rows and for what is left.
template <class Task>
inline void forRowGroups(std::int64_t count, const Task& task) {
  std::int64_t first = 0;
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

}  // namespace latino::cpu
