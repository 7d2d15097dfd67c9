// Four numbers in double side by side, in the compilers' own vector type: a register of AVX2, a pair of NEON's.
#pragma once

#include <cstdint>

#if !defined(__GNUC__) && !defined(__clang__)
#error "Expected GCC or Clang, whose vector types the Fourier transforms use"
#endif

namespace latino {

inline constexpr std::int64_t kFftLanes = 4;
using Lanes = double __attribute__((vector_size(32)));

/// Element j of four sequences of complex numbers: their transforms are computed together, with the same instructions.
struct ComplexLanes {
  Lanes re, im;
};

/// Rows become columns.
inline void transpose(Lanes (&rows)[4]) {
#if __has_builtin(__builtin_shufflevector)
  const Lanes a = __builtin_shufflevector(rows[0], rows[1], 0, 4, 2, 6), b = __builtin_shufflevector(rows[0], rows[1], 1, 5, 3, 7),
              c = __builtin_shufflevector(rows[2], rows[3], 0, 4, 2, 6), d = __builtin_shufflevector(rows[2], rows[3], 1, 5, 3, 7);
  rows[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  rows[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  rows[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  rows[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
#else  // GCC before 12
  const Lanes a = rows[0], b = rows[1], c = rows[2], d = rows[3];
  for (int i = 0; i < 4; ++i) rows[i] = Lanes{a[i], b[i], c[i], d[i]};
#endif
}

/// Four numbers from anywhere in memory.
template <class T>
Lanes loadLanes(const T* from) {
  return Lanes{static_cast<double>(from[0]), static_cast<double>(from[1]), static_cast<double>(from[2]), static_cast<double>(from[3])};
}

}  // namespace latino
