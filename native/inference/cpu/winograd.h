// 3 x 3 convolution of stride 1 and padding 1 with a quarter of the multiplications (Winograd's minimal filtering; Lavin and Gray,
// "Fast Algorithms for Convolutional Neural Networks", CVPR 2016). The image is cut into tiles of 4 x 4 outputs; with 6 inputs a side, a
// tile becomes 36 independent products over the channels. Here eight neighbouring tiles make a vector, which suits large images.
#pragma once

#include <cstdint>
#include <memory>

#include "inference/cpu/conv3x3_image.h"
#include "inference/cpu/packed_weights.h"
#include "inference/cpu/parallel.h"
#include "inference/cpu/winograd_transforms.h"

namespace latino::cpu {

class WinogradConv3x3 {
 public:
  WinogradConv3x3(ReadWeight weight, const Conv3x3Options& options, unsigned threads);
  ~WinogradConv3x3();

  void run(const Conv3x3Image& image, const ParallelFor& parallelFor);

 private:
  template <class Form>
  class Weights;
  template <class Form>
  void runTiled(Weights<Form>& weights, const Conv3x3Image& image, const ParallelFor& parallelFor);

  ReadWeight weight_;
  Conv3x3Options options_;
  unsigned threads_;
  std::unique_ptr<Weights<Tiles4>> tiles_;
  std::unique_ptr<Weights<DoubledTiles>> doubled_;
};

}  // namespace latino::cpu
