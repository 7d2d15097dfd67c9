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

/// Anywhere in memory. GCC keeps arrays of these in registers, as it does not after std::memcpy.
using Unaligned8 = float __attribute__((vector_size(32), aligned(4), may_alias));
inline Vector8 load(const float* from) { return *reinterpret_cast<const Unaligned8*>(from); }
inline void store(float* to, Vector8 value) { *reinterpret_cast<Unaligned8*>(to) = value; }
inline Vector8 broadcast(float v) { return Vector8{v, v, v, v, v, v, v, v}; }

/// The first `lanes` of eight; the others are zero.
inline Vector8 loadFirst(const float* from, std::int64_t lanes) {
  if (lanes == kLanes) return load(from);
  Vector8 value = {};
  for (std::int64_t i = 0; i < lanes; ++i) value[i] = from[i];
  return value;
}

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

}  // namespace latino::cpu
