// Eight floats at once, in the compilers' own vector type: AVX2 on x86-64, pairs of NEON registers on arm64.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__F16C__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "inference/half.h"
#include "tensor/ceil_divide.h"

#if !defined(__GNUC__)  // which Clang defines, too
#error "Expected GCC or Clang, whose vector types the CPU kernels use"
#endif

namespace latino::layers {

inline constexpr int kLanes = 8;
using Vector8 = float __attribute__((vector_size(32)));
/// As many doubles as the registers of eight floats hold.
using Double4 = double __attribute__((vector_size(32)));
using Vector4 = float __attribute__((vector_size(16)));

/// Anywhere in memory. GCC keeps arrays of these in registers, as it does not after std::memcpy. A typedef, since Clang aligns an alias of
/// the type as if `aligned` were not there.
typedef float Unaligned8 __attribute__((vector_size(32), aligned(4), may_alias));  // NOLINT(modernize-use-using)
inline Vector8 load(const float* from) { return *reinterpret_cast<const Unaligned8*>(from); }
inline void store(float* to, Vector8 value) { *reinterpret_cast<Unaligned8*>(to) = value; }

/// The first `lanes` of eight; the others are zero.
inline Vector8 loadFirst(const float* from, std::int64_t lanes) {
  if (lanes == kLanes) return load(from);
  Vector8 value = {};
  for (std::int64_t i = 0; i < lanes; ++i) value[i] = from[i];
  return value;
}
inline void storeFirst(float* to, Vector8 value, std::int64_t lanes) {
  if (lanes == kLanes) return store(to, value);
  for (std::int64_t i = 0; i < lanes; ++i) to[i] = value[i];
}

inline Vector8 widen(const float* from) { return load(from); }
inline Vector8 widen(const Half* from) {
#if defined(__F16C__)
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#elif defined(__aarch64__)
  const float16x8_t halves = vreinterpretq_f16_u16(vld1q_u16(reinterpret_cast<const std::uint16_t*>(from)));
  return __builtin_shufflevector(vcvt_f32_f16(vget_low_f16(halves)), vcvt_high_f32_f16(halves), 0, 1, 2, 3, 4, 5, 6, 7);
#else
  Vector8 value;
  for (int i = 0; i < kLanes; ++i) value[i] = latino::widen(from[i]);
  return value;
#endif
}

inline Vector8 broadcast(float v) { return Vector8{v, v, v, v, v, v, v, v}; }
inline float sumOfLanes(Vector8 v) { return ((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7])); }
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

using Block8 = Vector8[kLanes];

/// Rows become columns: by pairs, then by fours, then by halves.
inline void transpose(Block8& rows) {
  Block8 pairs, fours;
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = __builtin_shufflevector(rows[i], rows[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[i + 1] = __builtin_shufflevector(rows[i], rows[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const int from = i / 2 * 4 + i % 2;
    fours[2 * i] = __builtin_shufflevector(pairs[from], pairs[from + 2], 0, 1, 8, 9, 4, 5, 12, 13);
    fours[2 * i + 1] = __builtin_shufflevector(pairs[from], pairs[from + 2], 2, 3, 10, 11, 6, 7, 14, 15);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    rows[i] = __builtin_shufflevector(fours[i], fours[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    rows[i + 4] = __builtin_shufflevector(fours[i], fours[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

/// Eight numbers in half precision, by their bits.
using Halves8 = std::uint16_t __attribute__((vector_size(16)));
typedef std::uint16_t UnalignedHalves8 __attribute__((vector_size(16), aligned(2), may_alias));  // NOLINT(modernize-use-using)
using HalfBlock8 = Halves8[kLanes];

inline Halves8 load(const Half* from) { return *reinterpret_cast<const UnalignedHalves8*>(from); }
inline void store(Half* to, Halves8 value) { *reinterpret_cast<UnalignedHalves8*>(to) = value; }

/// Three times, rows of one half are shuffled into those of the other.
inline void transpose(HalfBlock8& rows) {
  for (int step = 0; step < 3; ++step) {
    HalfBlock8 shuffled;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      shuffled[2 * i] = __builtin_shufflevector(rows[i], rows[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
      shuffled[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
    }
#pragma GCC unroll 8
    for (int i = 0; i < kLanes; ++i) rows[i] = shuffled[i];
  }
}

}  // namespace latino::layers
