// Winograd's minimal filtering, one form for every way to cut an image into tiles: transforms of a column of pixels (floats or vectors),
// of the products and of the three taps. The matrices of F(2, 3) and F(4, 3) are those of Lavin and Gray (conv3x3.h).
#pragma once

#include <array>

#include "inference/layers/vector8.h"

namespace latino::layers {

// Of every form, along one side of a tile: outputs, pixels of the image from one tile to the next, pixels that a tile reads, and products.
// `kFactor` is which of the transformed pixels each product takes.

/// F(2, 3)
struct Tiles2 {
  static constexpr int kOutputs = 2, kStep = 2, kWindow = 4, kProducts = 4;
  static constexpr std::array<int, kProducts> kFactor = {0, 1, 2, 3};

  template <class T>
  static void transformInput(const std::array<T, 4>& d, std::array<T, 4>& out) {
    out = {d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]};
  }
  template <class T>
  static void transformOutput(const std::array<T, 4>& y, std::array<T, 2>& out) {
    out = {y[0] + 0.5F * (y[1] + y[2]), 0.5F * (y[1] - y[2]) - y[3]};
  }
  template <class T>
  static void transformWeight(const std::array<T, 3>& g, std::array<T, 4>& out) {
    const T even = g[0] + g[2];
    out = {g[0], even + g[1], even - g[1], g[2]};
  }
};

/// F(4, 3)
struct Tiles4 {
  static constexpr int kOutputs = 4, kStep = 4, kWindow = 6, kProducts = 6;
  static constexpr std::array<int, kProducts> kFactor = {0, 1, 2, 3, 4, 5};

  template <class T>
  static void transformInput(const std::array<T, 6>& d, std::array<T, 6>& out) {
    const T a = d[4] - 4.0F * d[2], b = d[3] - 4.0F * d[1], c = d[4] - d[2], e = 2.0F * (d[3] - d[1]);
    out = {4.0F * d[0] - 5.0F * d[2] + d[4], a + b, a - b, c + e, c - e, 4.0F * d[1] - 5.0F * d[3] + d[5]};
  }
  template <class T>
  static void transformOutput(const std::array<T, 6>& y, std::array<T, 4>& out) {
    const T a = y[1] + y[2], b = y[1] - y[2], c = y[3] + y[4], e = y[3] - y[4];
    constexpr float kScale = -1.0F / 6;
    out = {kScale * (a - 1.5F * y[0] - 0.25F * c), kScale * (b - 0.5F * e), kScale * (a - c), kScale * (b - 2.0F * e) + y[5]};
  }
  template <class T>
  static void transformWeight(const std::array<T, 3>& g, std::array<T, 6>& out) {
    const T even = g[0] + g[2], evenOfTwo = g[0] + 4.0F * g[2];
    out = {g[0], even + g[1], even - g[1], evenOfTwo + 2.0F * g[1], evenOfTwo - 2.0F * g[1], g[2]};
  }
};

/// For images doubled by nearest neighbour. Four pixels (b b c c) between their neighbours a and e are
///   w0 a + (w1 + w2) b,  (w0 + w1) b + w2 c,  w0 b + (w1 + w2) c,  (w0 + w1) c + w2 e,
/// which takes five products of the values a - c, b + c, c - b, b - e: those that F(2, 3) makes of the image before doubling.
struct DoubledTiles {
  static constexpr int kOutputs = 4, kStep = 2, kWindow = 4, kProducts = 5;
  static constexpr std::array<int, kProducts> kFactor = {0, 1, 2, 2, 3};

  template <class T>
  static void transformInput(const std::array<T, 4>& d, std::array<T, 4>& out) {
    Tiles2::transformInput(d, out);
  }
  template <class T>
  static void transformOutput(const std::array<T, 5>& y, std::array<T, 4>& out) {
    const T a = y[2] - y[3], b = y[2] + y[3];
    out = {y[0] + 0.5F * (y[1] - b), 0.5F * (y[1] + a), 0.5F * (y[1] + b), 0.5F * (y[1] - a) - y[4]};
  }
  template <class T>
  static void transformWeight(const std::array<T, 3>& g, std::array<T, 5>& out) {
    out = {g[0], g[0] + g[1] + g[2], g[2] - g[0], g[1], g[2]};
  }
};

/// For strides of two. Of five pixels a b c d e the outputs are
///   w0 a + w1 b + w2 c,  w0 c + w1 d + w2 e:
/// F(2, 2) of a, c, e with the taps w0 and w2, and one product each of b and d.
struct StridedTiles {
  static constexpr int kOutputs = 2, kStep = 4, kWindow = 5, kProducts = 5;
  static constexpr std::array<int, kProducts> kFactor = {0, 1, 2, 3, 4};

  template <class T>
  static void transformInput(const std::array<T, 5>& d, std::array<T, 5>& out) {
    out = {d[0] - d[2], d[2], d[2] - d[4], d[1], d[3]};
  }
  template <class T>
  static void transformOutput(const std::array<T, 5>& y, std::array<T, 2>& out) {
    out = {y[0] + y[1] + y[3], y[1] - y[2] + y[4]};
  }
  template <class T>
  static void transformWeight(const std::array<T, 3>& g, std::array<T, 5>& out) {
    out = {g[0], g[0] + g[2], g[2], g[1], g[1]};
  }
};

/// Tiles of one pixel are no tiles: the plain sum over the nine taps, of every pixel or of every second.
template <int stride>
struct Taps {
  static constexpr int kOutputs = 1, kStep = stride, kWindow = 3;
};

/// The weight of each product of a filter, or of as many filters as a T has lanes. tap(i): of the 3 x 3 taps, row by row; `set` gets each
/// product by its number.
template <class Form, class T, class Tap, class Set>
[[gnu::always_inline]] inline void transformFilter(const Tap& tap, const Set& set) {
  constexpr int kSide = Form::kProducts;
  std::array<std::array<T, kSide>, 3> columns;
  for (int j = 0; j < 3; ++j) Form::transformWeight(std::array<T, 3>{tap(j), tap(3 + j), tap(6 + j)}, columns[j]);
#pragma GCC unroll 6
  for (int i = 0; i < kSide; ++i) {
    std::array<T, kSide> row;
    Form::transformWeight(std::array<T, 3>{columns[0][i], columns[1][i], columns[2][i]}, row);
#pragma GCC unroll 6
    for (int j = 0; j < kSide; ++j) set(i * kSide + j, row[j]);
  }
}

}  // namespace latino::layers
