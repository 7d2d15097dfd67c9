// 3 x 3 convolution of stride 1 and padding 1 with a quarter of the multiplications (Winograd's minimal filtering; Lavin and Gray,
// "Fast Algorithms for Convolutional Neural Networks", CVPR 2016). The image is cut into tiles of m x m outputs; with m + 2 inputs a
// side, a tile becomes (m + 2)^2 independent products over the channels.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "inference/cpu/activation.h"
#include "inference/cpu/packed_weights.h"
#include "inference/cpu/parallel.h"
#include "inference/cpu/small_conv3x3.h"

namespace latino::cpu {

class Conv3x3 {
 public:
  /// weight: [outputs, inputs, 3, 3], a cross-correlation as everywhere in neural networks. With `transposed` it is [inputs, outputs, 3, 3]
  /// and the result is the transpose (the derivative) of the convolution by it. It is asked for when the size of an image tells which
  /// tiles are cheapest, and not kept: its transform for them is.
  Conv3x3(ReadWeight weight, std::int64_t outputs, std::int64_t inputs, unsigned threads, bool transposed = false);
  ~Conv3x3();

  void run(const Conv3x3Arguments& arguments, const ParallelFor& parallelFor);

  std::int64_t outputs() const { return outputs_; }
  std::int64_t inputs() const { return inputs_; }

 private:
  template <int tile>
  class Weights;
  template <int tile>
  void runTiled(Weights<tile>& weights, const Conv3x3Arguments& arguments, const ParallelFor& parallelFor);

  ReadWeight weight_;
  std::int64_t outputs_, inputs_;
  unsigned threads_;
  bool transposed_;
  SmallConv3x3 small_;
  std::unique_ptr<Weights<4>> large_;
};

}  // namespace latino::cpu
