// 3 x 3 convolution of an image that the cache holds. Its channels lie side by side, so that windows need no gathering and one product
// serves whatever the height and width: direct over the nine taps, or Winograd's (winograd.h) with tiles of 2 x 2 or 4 x 4.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>

#include "inference/cpu/activation.h"
#include "inference/cpu/packed_weights.h"
#include "inference/cpu/parallel.h"

namespace latino::cpu {

struct Conv3x3Arguments {
  const float* x = nullptr;         // [n, inputs, height, width], or half the height and width with `upsample`
  const float* bias = nullptr;      // [outputs], may be absent
  const float* residual = nullptr;  // like y, may be absent; added before the activation
  const float* shift = nullptr;     // [n, outputs], may be absent; added to the bias
  float* y = nullptr;               // [n, outputs, height, width]
  std::int64_t n = 0, height = 0, width = 0;
  bool upsample = false;  // x is doubled by nearest neighbour first
  Activation activation = Activation::none;
};

class SmallConv3x3 {
 public:
  /// As Conv3x3.
  SmallConv3x3(ReadWeight weight, std::int64_t outputs, std::int64_t inputs, unsigned threads, bool isTransposed);

  void run(const Conv3x3Arguments& arguments, const ParallelFor& parallelFor);

 private:
  template <int tile>
  void runForm(const Conv3x3Arguments& arguments, const ParallelFor& parallelFor);
  template <int tile>
  PackedWeights packed() const;

  ReadWeight weight_;
  std::int64_t outputs_, inputs_;
  unsigned threads_;
  bool isTransposed_;
  std::array<std::once_flag, 5> once_;
  std::array<std::unique_ptr<PackedWeights>, 5> packed_;  // by tile
};

}  // namespace latino::cpu
