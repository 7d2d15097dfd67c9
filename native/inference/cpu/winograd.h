// 3 x 3 convolution of stride 1 and padding 1 with a quarter of the multiplications (Winograd's minimal filtering; Lavin and Gray,
// "Fast Algorithms for Convolutional Neural Networks", CVPR 2016). The image is cut into tiles of m x m outputs; with m + 2 inputs a
// side, a tile becomes (m + 2)^2 independent products over the channels.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "inference/cpu/activation.h"
#include "inference/cpu/parallel.h"
#include "inference/cpu/winograd_transforms.h"

namespace latino::cpu {

struct Conv3x3Arguments {
  const float* x = nullptr;         // [n, inputs, height, width], or half the height and width with `upsample`
  const float* bias = nullptr;      // [outputs], may be absent
  const float* residual = nullptr;  // like y, may be absent; added before the activation
  float* y = nullptr;               // [n, outputs, height, width]
  std::int64_t n = 0, height = 0, width = 0;
  bool upsample = false;  // x is doubled by nearest neighbour first
  Activation activation = Activation::none;
};

class Conv3x3 {
 public:
  /// weight: [outputs, inputs, 3, 3], a cross-correlation as everywhere in neural networks. With `transposed` it is [inputs, outputs, 3, 3]
  /// and the result is the transpose (the derivative) of the convolution by it. It is asked for when the size of an image tells which
  /// tiles are cheapest, and not kept: its transform for them is.
  Conv3x3(std::function<std::vector<float>()> weight, std::int64_t outputs, std::int64_t inputs, unsigned threads, bool transposed = false);
  ~Conv3x3();

  void run(const Conv3x3Arguments& arguments, const ParallelFor& parallelFor);

  std::int64_t outputs() const { return outputs_; }
  std::int64_t inputs() const { return inputs_; }

 private:
  template <class Form>
  class Weights;
  template <class Form>
  void runTiled(Weights<Form>& weights, const Conv3x3Arguments& arguments, const ParallelFor& parallelFor);
  void runDirect(Weights<Taps>& weights, const Conv3x3Arguments& arguments, const ParallelFor& parallelFor);

  std::function<std::vector<float>()> weight_;
  std::int64_t outputs_, inputs_;
  unsigned threads_;
  bool transposed_;
  std::unique_ptr<Weights<Tiles4>> large_;
  std::unique_ptr<Weights<Tiles2>> small_;
  std::unique_ptr<Weights<DoubledTiles>> doubled_;
  std::unique_ptr<Weights<Taps>> direct_;
};

}  // namespace latino::cpu
