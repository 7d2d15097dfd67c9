// 3 x 3 convolution of stride 1 and padding 1, in the form that suits the size of an image.
#pragma once

#include <cstdint>

#include "inference/cpu/conv3x3_image.h"
#include "inference/cpu/packed_weights.h"
#include "inference/cpu/parallel.h"
#include "inference/cpu/small_conv3x3.h"
#include "inference/cpu/winograd.h"

namespace latino::cpu {

/// As Conv3x3Image, each pointer of n images.
struct Conv3x3Arguments : Conv3x3Image {
  std::int64_t n = 0;
  const float* shift = nullptr;  // [n, outputs], may be absent; added to the bias
};

class Conv3x3 {
 public:
  /// The weight is asked for when the size of an image tells the form, and not kept: its transform for that form is.
  Conv3x3(const ReadWeight& weight, const Conv3x3Options& options, unsigned threads);

  void run(const Conv3x3Arguments& arguments, const ParallelFor& parallelFor);

  const Conv3x3Options& options() const { return options_; }

 private:
  Conv3x3Options options_;
  SmallConv3x3 small_;
  WinogradConv3x3 large_;
};

}  // namespace latino::cpu
