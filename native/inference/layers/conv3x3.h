// 3 x 3 convolution of padding 1, directly or with a quarter of the multiplications (Winograd's minimal filtering; Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", CVPR 2016): with 6 inputs a side, a tile of 4 x 4 outputs becomes 36 independent products
// over the channels.
#pragma once

#include <cstdint>
#include <memory>

#include "inference/layers/activation.h"
#include "inference/layers/layout.h"
#include "inference/layers/packed_store.h"
#include "inference/layers/parallel.h"

namespace latino::layers {

/// The weight, [outputs, inputs, 3, 3], is a cross-correlation as everywhere in neural networks. When transposed it is [inputs, outputs, 3,
/// 3] and the result is the transpose (the derivative) of the convolution by it.
struct Conv3x3Options {
  std::int64_t outputs = 0, inputs = 0;
  bool isTransposed = false;
  bool upsample = false;    // x is doubled by nearest neighbour first
  std::int64_t stride = 1;  // or 2; then neither transposed nor doubled
  /// Of x; of y and the residual. Tokens are for multiples of eight channels.
  Layout from = Layout::image, to = Layout::image;
  Activation activation = Activation::none;

  /// Of y, for a height or width of x.
  std::int64_t sizeOf(std::int64_t size) const { return upsample ? 2 * size : ceilDivide(size, stride); }
};

struct Conv3x3Arguments {
  const float* x = nullptr;         // n images of inputs, height x width
  const float* bias = nullptr;      // [outputs], may be absent
  const float* shift = nullptr;     // [n, outputs], may be absent; added to the bias
  const float* residual = nullptr;  // like y, may be absent; added before the activation
  float* y = nullptr;               // n images of outputs
  std::int64_t n = 0, height = 0, width = 0;
};

class Conv3x3 {
 public:
  /// The weight is asked for when the size of an image tells the form, and not kept: its transform for that form is, in `packed`.
  Conv3x3(ReadWeight weight, const Conv3x3Options& options, unsigned threads, std::shared_ptr<PackedStore> packed);

  void run(const Conv3x3Arguments& arguments, const ParallelFor& parallelFor);

  const Conv3x3Options& options() const { return options_; }

 private:
  struct Image;
  template <class Form>
  class Run;

  void runImage(const Image& image, const ParallelFor& parallelFor);
  template <class Form>
  void runForm(PackedStore::Key key, const Image& image, const ParallelFor& parallelFor);
  WeightLayout layout() const;
  PackedWeights packTaps(const ParallelFor& parallelFor) const;
  template <class Form>
  PackedWeights packProducts(const ParallelFor& parallelFor) const;

  ReadWeight weight_;
  Conv3x3Options options_;
  unsigned threads_;
  std::shared_ptr<PackedStore> packed_;
  PackedStore::Key taps_, tiles2_, tiles4_;  // by the outputs along a tile's side
};

}  // namespace latino::layers
