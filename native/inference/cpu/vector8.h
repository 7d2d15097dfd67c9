// Eight floats at once, in the compilers' own vector type: AVX2 on x86-64, pairs of NEON registers on arm64.
#pragma once

#include <cstdint>
#include <cstring>

#if !defined(__GNUC__) && !defined(__clang__)
#error "Expected GCC or Clang (on Windows: clang-cl), whose vector types the CPU kernels use"
#endif

namespace latino::cpu {

inline constexpr int kLanes = 8;
using Vector8 = float __attribute__((vector_size(32)));

inline Vector8 load(const float* from) {
  Vector8 value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline void store(float* to, Vector8 value) { std::memcpy(to, &value, sizeof value); }
inline Vector8 broadcast(float v) { return Vector8{v, v, v, v, v, v, v, v}; }
inline Vector8 max(Vector8 a, Vector8 b) { return a > b ? a : b; }
inline Vector8 min(Vector8 a, Vector8 b) { return a < b ? a : b; }

using Integers8 = std::int32_t __attribute__((vector_size(32)));
/// For |x| < 2^31.
inline Vector8 floor(Vector8 x) {
  const Vector8 truncated = __builtin_convertvector(__builtin_convertvector(x, Integers8), Vector8);
  return truncated > x ? truncated - 1.0F : truncated;
}
/// 2^n for integers n in [-126, 127].
inline Vector8 powerOfTwo(Vector8 n) {
  const Integers8 bits = (__builtin_convertvector(n, Integers8) + 127) << 23;
  Vector8 value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// Lanes 0, 2, 4, ... and 1, 3, 5, ... of sixteen values.
inline Vector8 evens(Vector8 a, Vector8 b) { return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14); }
inline Vector8 odds(Vector8 a, Vector8 b) { return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15); }
/// a0 b0 a1 b1 ...: the lower and the upper half.
inline Vector8 zipLow(Vector8 a, Vector8 b) { return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
inline Vector8 zipHigh(Vector8 a, Vector8 b) { return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
/// a1 ... a7 b0.
inline Vector8 next(Vector8 a, Vector8 b) { return __builtin_shufflevector(a, b, 1, 2, 3, 4, 5, 6, 7, 8); }

}  // namespace latino::cpu
