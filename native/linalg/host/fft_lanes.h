// Four numbers in double, or eight in float, side by side, in the compilers' own vector type: a register of AVX2, a pair of NEON's.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#if !defined(__GNUC__) && !defined(__clang__)
#error "Expected GCC or Clang, whose vector types the Fourier transforms use"
#endif

namespace latino {

template <class T>
struct VectorOf;
template <>
struct VectorOf<double> {
  using Type = double __attribute__((vector_size(32)));
};
template <>
struct VectorOf<float> {
  using Type = float __attribute__((vector_size(32)));
};

template <class T>
using Lanes = typename VectorOf<T>::Type;
template <class T>
inline constexpr std::int64_t kFftLanes = sizeof(Lanes<T>) / sizeof(T);

/// Element j of several sequences of complex numbers: their transforms are computed together, with the same instructions.
template <class T>
struct ComplexLanes {
  Lanes<T> re, im;
};

#if __has_builtin(__builtin_shufflevector)
/// Rows become columns.
inline void transpose(Lanes<double> (&rows)[4]) {
  const Lanes<double> a = __builtin_shufflevector(rows[0], rows[1], 0, 4, 2, 6), b = __builtin_shufflevector(rows[0], rows[1], 1, 5, 3, 7),
                      c = __builtin_shufflevector(rows[2], rows[3], 0, 4, 2, 6), d = __builtin_shufflevector(rows[2], rows[3], 1, 5, 3, 7);
  rows[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  rows[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  rows[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  rows[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}
inline void transpose(Lanes<float> (&rows)[8]) {
  Lanes<float> pairs[8], fours[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = __builtin_shufflevector(rows[i], rows[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[i + 1] = __builtin_shufflevector(rows[i], rows[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Lanes<float>&a = pairs[i / 2 * 4 + i % 2], &b = pairs[i / 2 * 4 + i % 2 + 2];
    fours[i / 2 * 4 + i % 2 * 2] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
    fours[i / 2 * 4 + i % 2 * 2 + 1] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    rows[i] = __builtin_shufflevector(fours[i], fours[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    rows[i + 4] = __builtin_shufflevector(fours[i], fours[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}
#else  // GCC before 12
template <class Vector, int N>
void transpose(Vector (&rows)[N]) {
  for (int i = 0; i < N; ++i) {
    for (int j = i + 1; j < N; ++j) {
      const auto above = rows[i][j];
      rows[i][j] = rows[j][i];
      rows[j][i] = above;
    }
  }
}
#endif

/// As many numbers as there are lanes, from anywhere in memory.
template <class T, class From>
Lanes<T> loadLanes(const From* from) {
  Lanes<T> lanes;
  if constexpr (std::is_same_v<T, From>) {
    std::memcpy(&lanes, from, sizeof lanes);
  } else {
    lanes = Lanes<T>{static_cast<T>(from[0]), static_cast<T>(from[1]), static_cast<T>(from[2]), static_cast<T>(from[3])};
    static_assert(kFftLanes<T> == 4);
  }
  return lanes;
}

}  // namespace latino
