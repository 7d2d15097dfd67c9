// The transforms of Winograd's F(2, 3) and F(4, 3), each over a column of values (floats or vectors); the matrices are those of Lavin and
// Gray (winograd.h).
#pragma once

#include <array>

namespace latino::cpu {

template <class T>
void transformInput(const std::array<T, 4>& d, std::array<T, 4>& out) {
  out = {d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]};
}
template <class T>
void transformInput(const std::array<T, 6>& d, std::array<T, 6>& out) {
  const T a = d[4] - 4.0F * d[2], b = d[3] - 4.0F * d[1], c = d[4] - d[2], e = 2.0F * (d[3] - d[1]);
  out = {4.0F * d[0] - 5.0F * d[2] + d[4], a + b, a - b, c + e, c - e, 4.0F * d[1] - 5.0F * d[3] + d[5]};
}

template <class T>
void transformOutput(const std::array<T, 4>& y, std::array<T, 2>& out) {
  out = {y[0] + y[1] + y[2], y[1] - y[2] - y[3]};
}
template <class T>
void transformOutput(const std::array<T, 6>& y, std::array<T, 4>& out) {
  const T a = y[1] + y[2], b = y[1] - y[2], c = y[3] + y[4], e = y[3] - y[4];
  out = {y[0] + a + c, b + 2.0F * e, a + 4.0F * c, b + 8.0F * e + y[5]};
}

inline void transformWeight(const std::array<double, 3>& g, std::array<double, 4>& out) {
  out = {g[0], (g[0] + g[1] + g[2]) / 2, (g[0] - g[1] + g[2]) / 2, g[2]};
}
inline void transformWeight(const std::array<double, 3>& g, std::array<double, 6>& out) {
  out = {g[0] / 4, -(g[0] + g[1] + g[2]) / 6, -(g[0] - g[1] + g[2]) / 6, (g[0] / 4 + g[1] / 2 + g[2]) / 6, (g[0] / 4 - g[1] / 2 + g[2]) / 6,
         g[2]};
}

/// Tiles of one pixel are no tiles: the plain sum over the nine taps.
inline void transformWeight(const std::array<double, 3>& g, std::array<double, 3>& out) { out = g; }

}  // namespace latino::cpu
