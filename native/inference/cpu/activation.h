// The nonlinearities that a layer applies to what it writes.
#pragma once

#include <cstdint>

#include "inference/cpu/vector8.h"

namespace latino::cpu {

enum class Activation : std::int64_t { none = 0, relu = 1, silu = 2, gelu = 3, quickGelu = 4 };

/// exp(x) to 2 units in the last place for x in [-87, 88], saturating outside: Cephes' polynomial after x = n ln 2 + r.
inline Vector8 exponential(Vector8 x) {
  x = min(max(x, broadcast(-87.0F)), broadcast(88.0F));
  const Vector8 n = floor(x * 1.44269504F + 0.5F);
  const Vector8 r = x - n * 0.693359375F + n * 2.12194440e-4F;
  Vector8 p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  return (p * r * r + r + 1.0F) * powerOfTwo(n);
}

/// erf(x) to 2e-7: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
inline Vector8 errorFunction(Vector8 x) {
  const Vector8 size = max(x, -x), t = 1.0F / (1.0F + 0.3275911F * size);
  Vector8 p = t * 1.061405429F - 1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t - 0.284496736F;
  p = p * t + 0.254829592F;
  const Vector8 y = 1.0F - p * t * exponential(-size * size);
  return x < 0.0F ? -y : y;
}

inline Vector8 activate(Vector8 x, Activation activation) {
  switch (activation) {
    case Activation::relu:
      return max(x, Vector8{});
    case Activation::silu:
      return x / (1.0F + exponential(-x));
    case Activation::gelu:
      return 0.5F * x * (1.0F + errorFunction(x * 0.70710678F));
    case Activation::quickGelu:
      return x / (1.0F + exponential(-1.702F * x));
    case Activation::none:
      break;
  }
  return x;
}

inline float activate(float x, Activation activation) { return activate(broadcast(x), activation)[0]; }

}  // namespace latino::cpu
