// The nonlinearities that a layer applies to what it writes.
#pragma once

#include <cstdint>

#include "inference/layers/vector8.h"

namespace latino::layers {

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

/// erf(x) to 5e-7: x P(x²) / Q(x²), fitted to erf for |x| up to 3.93 (error 2e-8 before rounding); beyond, erf is 1 to the last place.
inline Vector8 errorFunction(Vector8 x) {
  x = min(max(x, broadcast(-3.93F)), broadcast(3.93F));
  const Vector8 s = x * x;
  Vector8 p = s * 2.02698818e-6F + 2.8750564e-4F;
  p = p * s + 3.88438524e-3F;
  p = p * s + 5.31084144e-2F;
  p = p * s + 1.93182539e-1F;
  p = p * s + 1.12837902F;
  Vector8 q = s * 3.79921192e-5F + 1.19139765e-3F;
  q = q * s + 1.52045375e-2F;
  q = q * s + 1.15250909e-1F;
  q = q * s + 5.04535177e-1F;
  q = q * s + 1.0F;
  return x * p / q;
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

}  // namespace latino::layers
