// Checks of the shapes that operators receive.
#pragma once

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

}  // namespace latino
