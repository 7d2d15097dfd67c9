#include "inference/cpu/conv3x3.h"

#include <algorithm>
#include <functional>
#include <vector>

namespace latino::cpu {

Conv3x3::Conv3x3(const ReadWeight& weight, const Conv3x3Options& options, unsigned threads)
    : options_(options), small_(weight, options, threads), large_(weight, options, threads) {}

void Conv3x3::run(const Conv3x3Arguments& a, const ParallelFor& parallelFor) {
  const std::int64_t pixels = a.height * a.width, sourcePixels = a.upsample ? pixels / 4 : pixels;
  const bool isSmall = SmallConv3x3::suits(a.height, a.width);
  std::vector<float> bias;
  for (std::int64_t n = 0; n < a.n; ++n) {
    Conv3x3Image image = a;
    image.x += n * options_.inputs * sourcePixels;
    image.y += n * options_.outputs * pixels;
    if (a.residual != nullptr) image.residual += n * options_.outputs * pixels;
    if (a.shift != nullptr) {
      bias.assign(a.shift + n * options_.outputs, a.shift + (n + 1) * options_.outputs);
      if (a.bias != nullptr) std::transform(bias.begin(), bias.end(), a.bias, bias.begin(), std::plus<>());
      image.bias = bias.data();
    }
    isSmall ? small_.run(image, parallelFor) : large_.run(image, parallelFor);
  }
}

}  // namespace latino::cpu
