#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "inference/cpu/group_norm.h"
#include "inference/cpu/winograd.h"

using namespace latino::cpu;

namespace {

const ParallelFor kSerial = [](std::size_t count, const std::function<void(std::size_t)>& task) {
  for (std::size_t i = 0; i < count; ++i) task(i);
};

std::vector<float> normal(std::int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = distribution(generator);
  return values;
}

double activated(double x, Activation activation) {
  if (activation == Activation::relu) return std::max(0.0, x);
  return activation == Activation::silu ? x / (1 + std::exp(-x)) : x;
}

struct Case {
  std::int64_t n, inputs, outputs, height, width;
  bool upsample, residual;
  Activation activation;
  bool transposed = false;
};

/// Largest error relative to the largest output, against the sum over the taps in double.
double errorOf(const Case& c, unsigned threads) {
  const std::int64_t h = c.upsample ? c.height / 2 : c.height, w = c.upsample ? c.width / 2 : c.width;
  const auto x = normal(c.n * c.inputs * h * w, 1), weight = normal(c.outputs * c.inputs * 9, 2), bias = normal(c.outputs, 3);
  const auto residual = normal(c.n * c.outputs * c.height * c.width, 4);
  std::vector<float> y(residual.size());
  Conv3x3 convolution([&] { return weight; }, c.outputs, c.inputs, threads, c.transposed);
  Conv3x3Arguments arguments;
  arguments.x = x.data();
  arguments.bias = bias.data();
  arguments.residual = c.residual ? residual.data() : nullptr;
  arguments.y = y.data();
  arguments.n = c.n;
  arguments.height = c.height;
  arguments.width = c.width;
  arguments.upsample = c.upsample;
  arguments.activation = c.activation;
  convolution.run(arguments, kSerial);

  double error = 0, largest = 0;
  std::size_t at = 0;
  for (std::int64_t n = 0; n < c.n; ++n)
    for (std::int64_t m = 0; m < c.outputs; ++m)
      for (std::int64_t i = 0; i < c.height; ++i)
        for (std::int64_t j = 0; j < c.width; ++j, ++at) {
          double sum = bias[m] + (c.residual ? residual[at] : 0.0F);
          for (std::int64_t k = 0; k < c.inputs; ++k)
            for (std::int64_t p = -1; p <= 1; ++p)
              for (std::int64_t q = -1; q <= 1; ++q) {
                if (i + p < 0 || i + p >= c.height || j + q < 0 || j + q >= c.width) continue;
                const std::int64_t row = c.upsample ? (i + p) / 2 : i + p, column = c.upsample ? (j + q) / 2 : j + q;
                const std::int64_t filter = c.transposed ? k * c.outputs + m : m * c.inputs + k, tap = (p + 1) * 3 + q + 1;
                sum += static_cast<double>(weight[filter * 9 + (c.transposed ? 8 - tap : tap)]) *
                       x[((n * c.inputs + k) * h + row) * w + column];
              }
          const double want = activated(sum, c.activation);
          error = std::max(error, std::abs(want - y[at]));
          largest = std::max(largest, std::abs(want));
        }
  return error / largest;
}

}  // namespace

TEST_CASE("3 x 3 convolutions agree with the sum over the taps, whatever the tiles") {
  const Case cases[] = {
      {1, 32, 32, 64, 64, false, true, Activation::relu},  // runs of tiles inside the image
      {2, 5, 7, 13, 37, false, false, Activation::none},   // tiles that stick out
      {1, 8, 3, 36, 72, true, true, Activation::silu},
      {1, 3, 32, 33, 65, false, true, Activation::none},
      {1, 16, 16, 8, 8, false, false, Activation::relu},  // tiles of 2 x 2
      {1, 40, 20, 4, 4, false, true, Activation::silu},   // no tiles
      {2, 7, 5, 3, 2, false, false, Activation::none},
      {1, 4, 6, 1, 1, false, false, Activation::none},
      {3, 4, 6, 2, 2, true, false, Activation::none},
      {1, 130, 10, 16, 16, false, false, Activation::none},
      {1, 5, 7, 13, 37, false, true, Activation::none, true},
      {1, 16, 12, 8, 8, false, false, Activation::none, true},
      {2, 7, 5, 3, 2, false, false, Activation::none, true},
      {2, 6, 10, 26, 22, true, true, Activation::relu},  // doubled, rows of odd length
      {1, 5, 7, 40, 6, false, true, Activation::none},   // rows shorter than a vector
      {1, 70, 9, 24, 48, false, true, Activation::relu},
      {2, 9, 6, 10, 12, false, true, Activation::silu},
  };
  for (const Case& c : cases) {
    CAPTURE(c.height);
    CAPTURE(c.width);
    CHECK(errorOf(c, 1) < 2e-5);
    CHECK(errorOf(c, 64) < 2e-5);
  }
}

TEST_CASE("group normalisation agrees with its definition, also far from zero") {
  const std::int64_t n = 2, channels = 12, size = 35, groups = 3;
  std::vector<float> x = normal(n * channels * size, 5);
  for (float& value : x) value += 1000;
  const auto scale = normal(channels, 6), bias = normal(channels, 7);
  std::vector<float> y(x.size());
  for (const Activation activation : {Activation::none, Activation::silu}) {
    groupNorm({x.data(), scale.data(), bias.data(), y.data(), n, channels, size, groups, 1e-5F, activation}, kSerial);
    const std::int64_t perGroup = channels / groups * size;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(x.size()); ++i) {
      const float* group = x.data() + i / perGroup * perGroup;
      double mean = 0, variance = 0;
      for (std::int64_t k = 0; k < perGroup; ++k) mean += group[k];
      mean /= static_cast<double>(perGroup);
      for (std::int64_t k = 0; k < perGroup; ++k) variance += (group[k] - mean) * (group[k] - mean);
      variance /= static_cast<double>(perGroup);
      const std::int64_t channel = i / size % channels;
      const double want = (x[i] - mean) / std::sqrt(variance + 1e-5) * scale[channel] + bias[channel];
      CHECK(std::abs(activated(want, activation) - y[i]) < 3e-4);
    }
  }
}

TEST_CASE("the exponential behind SiLU is accurate and saturates") {
  for (float x = -87; x < 88; x += 0.37F) {
    const double want = std::exp(static_cast<double>(x));
    CHECK(std::abs(exponential(broadcast(x))[0] - want) <= 3e-7 * want);
  }
  CHECK(activate(-1e30F, Activation::silu) == doctest::Approx(0));
  CHECK(activate(1e30F, Activation::silu) == 1e30F);
}
