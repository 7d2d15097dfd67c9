#pragma once

#include <cstdint>

#include "inference/cpu/activation.h"

namespace latino::cpu {

/// What a 3 x 3 convolution of stride 1 and padding 1 reads and writes, of one image.
struct Conv3x3Image {
  const float* x = nullptr;         // [inputs, height, width], or half the height and width with `upsample`
  const float* bias = nullptr;      // [outputs], may be absent
  const float* residual = nullptr;  // like y, may be absent; added before the activation
  float* y = nullptr;               // [outputs, height, width]
  std::int64_t height = 0, width = 0;
  bool upsample = false;  // x is doubled by nearest neighbour first
  Activation activation = Activation::none;
};

/// The weight, [outputs, inputs, 3, 3], is a cross-correlation as everywhere in neural networks. When transposed it is [inputs, outputs, 3,
/// 3] and the result is the transpose (the derivative) of the convolution by it.
struct Conv3x3Options {
  std::int64_t outputs = 0, inputs = 0;
  bool isTransposed = false;
};

}  // namespace latino::cpu
