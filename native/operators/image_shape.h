// Checks of the shapes that operators receive.
#pragma once

#include <cmath>
#include <sstream>

#include "kernels/scalar.h"
#include "tensor/error.h"
#include "tensor/tensor.h"

namespace latino {

/// Throws ShapeError unless shape is [N, C, height, width]; `what` names the argument.
inline void requireImage(const Shape& shape, std::int64_t height, std::int64_t width, const char* what) {
  if (shape.size() != 4 || shape[2] != height || shape[3] != width) {
    throw ShapeError(std::string("Expected ") + what + " of shape [N, C, " + std::to_string(height) + ", " + std::to_string(width) +
                     "] but received " + toString(shape));
  }
}

inline void requireShape(const Shape& shape, const Shape& expected, const char* what) {
  if (shape != expected)
    throw ShapeError(std::string("Expected ") + what + " of shape " + toString(expected) + " but received " + toString(shape));
}

inline void requireGamma(const Scalar& gamma, std::int64_t images) {
  if (gamma.tensor.valid() && gamma.tensor.size() != 1 && gamma.tensor.size() != images) {
    throw ShapeError("Expected gamma of shape [1] or [" + std::to_string(images) + "] but received " + toString(gamma.tensor.shape()));
  }
  if (!gamma.tensor.valid() && !(gamma.value > 0))
    throw ArgumentError("Expected a positive gamma but received " + std::to_string(gamma.value));
}

/// Of noise: nothing at all, or one for all images or each, positive and finite as its square is.
inline void requireSigma(const PerImage& sigma, std::int64_t images) {
  if (sigma.size() > 1 && static_cast<std::int64_t>(sigma.size()) != images)
    throw ShapeError("Expected one sigma or " + std::to_string(images) + " but received " + std::to_string(sigma.size()));
  for (const double one : sigma) {
    if (one > 0 && one * one > 0 && std::isfinite(one * one)) continue;
    std::ostringstream text;  // to_string would write a tiny number as 0
    text << "Expected a positive, finite sigma but received " << one;
    throw ArgumentError(text.str());
  }
}

}  // namespace latino
