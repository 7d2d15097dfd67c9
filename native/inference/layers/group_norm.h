// Group normalisation with the activation that follows it.
#pragma once

#include "inference/layers/activation.h"
#include "inference/layers/parallel.h"

namespace latino::layers {

struct GroupNormArguments {
  const float* x = nullptr;      // [n, channels, size]
  const float* scale = nullptr;  // [channels]
  const float* bias = nullptr;   // [channels]
  float* y = nullptr;            // like x
  std::int64_t n = 0, channels = 0, size = 0, groups = 1;
  float epsilon = 1e-5F;
  Activation activation = Activation::none;
  /// [n, groups, 3]: how many numbers, their mean and variance; may be absent. For a band of an image, whose norm is that of all of it.
  const float* moments = nullptr;
};

/// Mean and variance over the channels of a group and all pixels, as in Wu and He, "Group Normalization" (2018).
void groupNorm(const GroupNormArguments& arguments, const ParallelFor& parallelFor);

}  // namespace latino::layers
