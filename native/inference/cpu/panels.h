// Small matrix products, of as many rows at a time as fit the registers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "inference/cpu/vector8.h"

namespace latino::cpu {

/// Output channels are multiplied in panels of six and four rows: what fits the registers.
inline std::vector<int> panelsOf(std::int64_t outputs) {
  std::int64_t left = std::max<std::int64_t>(4, outputs + outputs % 2);
  std::vector<int> panels;
  for (; left % 6 != 0; left -= 4) panels.push_back(4);
  for (; left > 0; left -= 6) panels.push_back(6);
  return panels;
}

/// y[r, t] = sum over c of u[c, r] v[c, t] for `rows` rows and 16 or 8 tiles; v and y have rows of `stride` floats.
template <int rows, int vectors>
void multiplyPanel(const float* u, const float* v, std::int64_t inputs, std::int64_t stride, float* y) {
  // Unrolled by order, so that the sums stay in registers.
  Vector8 sums[rows][vectors];
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int j = 0; j < vectors; ++j) sums[r][j] = Vector8{};
  for (std::int64_t c = 0; c < inputs; ++c) {
    Vector8 values[vectors];
#pragma GCC unroll 2
    for (int j = 0; j < vectors; ++j) values[j] = load(v + c * stride + j * kLanes);
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
      const Vector8 factor = broadcast(u[c * rows + r]);
#pragma GCC unroll 2
      for (int j = 0; j < vectors; ++j) sums[r][j] += factor * values[j];
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int j = 0; j < vectors; ++j) store(y + r * stride + j * kLanes, sums[r][j]);
}

template <int rows>
void multiplyPanel(const float* u, const float* v, std::int64_t inputs, std::int64_t stride, float* y) {
  std::int64_t t = 0;
  for (; t + 2 * kLanes <= stride; t += 2 * kLanes) multiplyPanel<rows, 2>(u, v + t, inputs, stride, y + t);
  if (t < stride) multiplyPanel<rows, 1>(u, v + t, inputs, stride, y + t);
}

inline void multiplyPanel(int rows, const float* u, const float* v, std::int64_t inputs, std::int64_t stride, float* y) {
  if (rows == 6)
    multiplyPanel<6>(u, v, inputs, stride, y);
  else
    multiplyPanel<4>(u, v, inputs, stride, y);
}

}  // namespace latino::cpu
