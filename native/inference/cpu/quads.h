// Four floats from two places at a time: what lies side by side in an image becomes what lies side by side in a Vector8, and back.
#pragma once

#include <array>

#include "inference/cpu/vector8.h"

namespace latino::cpu {

using Quad = float __attribute__((vector_size(16), aligned(4), may_alias));

/// Four floats from `low` and four from `high`.
inline Vector8 loadQuads(const float* low, const float* high) {
  const Quad a = *reinterpret_cast<const Quad*>(low), b = *reinterpret_cast<const Quad*>(high);
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
}

/// Two floats from each of four places.
using Pair = float __attribute__((vector_size(8), aligned(4), may_alias));
inline Vector8 loadPairs(const float* a, const float* b, const float* c, const float* d) {
  const auto pair = [](const float* from) { return *reinterpret_cast<const Pair*>(from); };
  const Quad low = __builtin_shufflevector(pair(a), pair(b), 0, 1, 2, 3), high = __builtin_shufflevector(pair(c), pair(d), 0, 1, 2, 3);
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
}
inline void storePairs(float* a, float* b, float* c, float* d, Vector8 value) {
  *reinterpret_cast<Pair*>(a) = __builtin_shufflevector(value, value, 0, 1);
  *reinterpret_cast<Pair*>(b) = __builtin_shufflevector(value, value, 2, 3);
  *reinterpret_cast<Pair*>(c) = __builtin_shufflevector(value, value, 4, 5);
  *reinterpret_cast<Pair*>(d) = __builtin_shufflevector(value, value, 6, 7);
}

/// a0 b0 a1 b1 of both quads, and a2 b2 a3 b3.
inline Vector8 zipLow(Vector8 a, Vector8 b) { return __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13); }
inline Vector8 zipHigh(Vector8 a, Vector8 b) { return __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15); }

/// Of both quads: rows become columns.
inline std::array<Vector8, 4> transposeQuads(const std::array<Vector8, 4>& rows) {
  const Vector8 evenLow = zipLow(rows[0], rows[2]), evenHigh = zipHigh(rows[0], rows[2]);
  const Vector8 oddLow = zipLow(rows[1], rows[3]), oddHigh = zipHigh(rows[1], rows[3]);
  return {zipLow(evenLow, oddLow), zipHigh(evenLow, oddLow), zipLow(evenHigh, oddHigh), zipHigh(evenHigh, oddHigh)};
}

}  // namespace latino::cpu
