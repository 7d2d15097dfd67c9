// 3 x 3 convolution of an image that the cache holds. Its channels lie side by side, so that windows need no gathering and one product
// serves whatever the height and width: direct over the nine taps, or Winograd's (winograd.h) with tiles of 2 x 2 or 4 x 4.
#pragma once

#include <cstdint>
#include <memory>

#include "inference/cpu/conv3x3_image.h"
#include "inference/cpu/packed_weights.h"
#include "inference/cpu/parallel.h"

namespace latino::cpu {

class SmallConv3x3 {
 public:
  SmallConv3x3(ReadWeight weight, const Conv3x3Options& options, unsigned threads);
  ~SmallConv3x3();

  /// Whether an image is small: of so few tiles that vectors of neighbouring tiles would be part empty.
  static bool suits(std::int64_t height, std::int64_t width) { return ceilDivide(height, 4) * ceilDivide(width, 4) < 32; }

  void run(const Conv3x3Image& image, const ParallelFor& parallelFor);

 private:
  struct Packed;
  template <class Form>
  void runForm(Packed& packed, const Conv3x3Image& image, const ParallelFor& parallelFor);
  template <class Form>
  PackedWeights pack() const;

  ReadWeight weight_;
  Conv3x3Options options_;
  unsigned threads_;
  std::unique_ptr<Packed> taps_, tiles2_, tiles4_, doubled_;
};

}  // namespace latino::cpu
