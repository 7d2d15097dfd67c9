#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "inference/layers/attention.h"
#include "inference/layers/conv3x3.h"
#include "inference/layers/group_norm.h"
#include "inference/layers/linear.h"
#include "rounding.h"
#include "serial.h"
#include "slow_run.h"

using latino::HostVector;
using namespace latino::layers;

namespace {

HostVector<float> normal(std::int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> distribution;
  HostVector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = distribution(generator);
  return values;
}

double activated(double x, Activation activation) {
  switch (activation) {
    case Activation::relu:
      return std::max(0.0, x);
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::gelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::quickGelu:
      return x / (1 + std::exp(-1.702 * x));
    default:
      return x;
  }
}

/// Rounds all to numbers that are normal in half precision; sign, exponent and ten bits of the fraction.
HostVector<latino::Half> toHalves(HostVector<float>& values) {
  HostVector<latino::Half> halves;
  for (float& value : values) {
    const float size = std::max(std::abs(value), 1e-3F);
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(size) + 0x1000;
    halves.push_back(static_cast<latino::Half>((std::signbit(value) ? 0x8000 : 0) | ((bits >> 13) - (112 << 10))));
    value = std::copysign(std::bit_cast<float>(bits >> 13 << 13), value);
  }
  return halves;
}

struct ConvolutionCase {
  std::int64_t n, inputs, outputs, height, width;  // of x
  Conv3x3Options options = {};
  bool hasResidual = false, isHalf = false;
};

/// Where a value of an image lies.
std::int64_t place(Layout layout, std::int64_t channels, std::int64_t pixels, std::int64_t n, std::int64_t channel, std::int64_t pixel) {
  return layout == Layout::image ? (n * channels + channel) * pixels + pixel : (n * pixels + pixel) * channels + channel;
}

/// Largest error relative to the largest output, against the sum over the taps in double.
double errorOf(const ConvolutionCase& c, unsigned threads) {
  Conv3x3Options options = c.options;
  options.outputs = c.outputs;
  options.inputs = c.inputs;
  const std::int64_t height = options.sizeOf(c.height), width = options.sizeOf(c.width), pixels = height * width;
  const auto x = normal(c.n * c.inputs * c.height * c.width, 1), bias = normal(c.outputs, 3);
  HostVector<float> weight = normal(c.outputs * c.inputs * 9, 2);
  const HostVector<latino::Half> halves = c.isHalf ? toHalves(weight) : HostVector<latino::Half>();
  const auto residual = normal(c.n * c.outputs * pixels, 4), shift = normal(c.n * c.outputs, 5);
  HostVector<float> y(residual.size());
  Conv3x3 convolution([&]() -> WeightValues { return c.isHalf ? WeightValues(halves) : WeightValues(weight); }, options, threads,
                      std::make_shared<PackedStore>(0));
  Conv3x3Arguments arguments;
  arguments.x = x.data();
  arguments.bias = bias.data();
  arguments.residual = c.hasResidual ? residual.data() : nullptr;
  arguments.shift = c.hasResidual ? shift.data() : nullptr;
  arguments.y = y.data();
  arguments.n = c.n;
  arguments.height = c.height;
  arguments.width = c.width;
  convolution.run(arguments, kSerial);

  const std::int64_t repeat = options.upsample ? 2 : 1;
  double error = 0, largest = 0;
  for (std::int64_t n = 0; n < c.n; ++n)
    for (std::int64_t m = 0; m < c.outputs; ++m)
      for (std::int64_t i = 0; i < height; ++i)
        for (std::int64_t j = 0; j < width; ++j) {
          const std::int64_t at = place(options.to, c.outputs, pixels, n, m, i * width + j);
          double sum = bias[m] + (c.hasResidual ? static_cast<double>(residual[at]) + shift[n * c.outputs + m] : 0);
          for (std::int64_t k = 0; k < c.inputs; ++k)
            for (std::int64_t p = -1; p <= 1; ++p)
              for (std::int64_t q = -1; q <= 1; ++q) {
                const std::int64_t row = i * options.stride + p, column = j * options.stride + q;
                if (row < 0 || row >= c.height * repeat || column < 0 || column >= c.width * repeat) continue;
                const std::int64_t filter = options.isTransposed ? k * c.outputs + m : m * c.inputs + k, tap = (p + 1) * 3 + q + 1;
                sum += static_cast<double>(weight[filter * 9 + (options.isTransposed ? 8 - tap : tap)]) *
                       x[place(options.from, c.inputs, c.height * c.width, n, k, row / repeat * c.width + column / repeat)];
              }
          const double want = activated(sum, options.activation);
          error = std::max(error, std::abs(want - y[at]));
          largest = std::max(largest, std::abs(want));
        }
  return error / largest;
}

}  // namespace

TEST_CASE("3 x 3 convolutions agree with the sum over the taps, whatever the tiles and layouts") {
  const auto relu = Activation::relu, silu = Activation::silu;
  const auto tokens = Layout::tokens, image = Layout::image;
  const ConvolutionCase cases[] = {
      {1, 32, 32, 64, 64, {.activation = relu}, true},  // many blocks of tiles
      {2, 5, 7, 13, 37},                                // tiles that stick out
      {1, 8, 3, 18, 36, {.upsample = true, .activation = silu}, true},
      {1, 3, 32, 33, 65, {}, true},
      {1, 16, 16, 8, 8, {.activation = relu}},          // tiles of 2 x 2
      {1, 40, 24, 16, 16, {.activation = silu}, true},  // of 4 x 4, in a small image
      {2, 9, 17, 15, 10, {.activation = relu}, true},
      {1, 24, 40, 8, 6, {.upsample = true, .activation = silu}},
      {1, 40, 20, 4, 4, {.activation = silu}, true},  // no tiles
      {2, 7, 5, 3, 2},
      {1, 4, 6, 1, 1},
      {3, 4, 6, 1, 1, {.upsample = true}},
      {1, 130, 10, 16, 16},
      {1, 136, 72, 8, 6, {}, false, true},   // filters that are transformed as they are read, in tiles of 2 x 2
      {1, 200, 70, 19, 23, {}, true, true},  // of 4 x 4, of more channels than are transformed at once
      {1, 160, 72, 40, 6, {.isTransposed = true}},
      {1, 136, 88, 7, 9, {.upsample = true, .from = tokens, .to = tokens, .activation = silu}, true},
      {1, 136, 88, 30, 21, {.stride = 2, .from = tokens, .to = tokens}, false, true},
      {1, 96, 96, 16, 16, {}, true},  // weights that threads share
      {1, 5, 7, 13, 37, {.isTransposed = true}, true},
      {1, 16, 12, 8, 8, {.isTransposed = true}},
      {2, 7, 5, 3, 2, {.isTransposed = true}},
      {2, 6, 10, 13, 11, {.upsample = true, .activation = relu}, true},  // doubled, rows of odd length
      {1, 5, 7, 40, 6, {}, true},                                        // rows shorter than a vector
      {1, 70, 9, 24, 48, {.activation = relu}, true},
      {1, 8, 24, 9, 150, {}, true},  // rows of several blocks
      {2, 24, 16, 19, 21, {.from = tokens, .to = tokens, .activation = relu}, true},
      {1, 32, 8, 3, 5, {.from = tokens, .to = tokens, .activation = silu}, true},
      {1, 16, 40, 4, 4, {.from = tokens, .to = tokens}, true},
      {1, 120, 24, 6, 7, {.from = tokens, .to = image, .activation = relu}, true},
      {2, 5, 16, 33, 31, {.from = image, .to = tokens, .activation = silu}, true},
      {1, 16, 32, 17, 9, {.upsample = true, .from = tokens, .to = tokens, .activation = relu}, true},
      {1, 32, 32, 64, 64, {.stride = 2, .from = tokens, .to = tokens}},
      {2, 24, 8, 15, 31, {.stride = 2, .from = tokens, .to = tokens, .activation = relu}, true},
      {2, 11, 13, 15, 30, {.stride = 2, .activation = silu}, true},
      {1, 96, 40, 8, 8, {.stride = 2}, true},
      {1, 3, 5, 1, 2, {.stride = 2}},
  };
  for (const ConvolutionCase& c : cases) {
    if (latino::kSlowRun && c.inputs * c.outputs * c.height * c.width > 1'000'000) continue;
    CAPTURE(c.inputs);
    CAPTURE(c.height);
    CAPTURE(c.width);
    CHECK(errorOf(c, 1) < 2e-5);
    CHECK(errorOf(c, 64) < 2e-5);
  }
}

TEST_CASE("linear layers agree with the sum over the channels, on tokens and on images") {
  struct LayerCase {
    std::int64_t n, rows, inputs, outputs;
    Layout from = Layout::tokens, to = Layout::tokens;
    Activation activation = Activation::none;
    bool isGated = false, isTransposed = false, hasResidual = false, isHalf = false, isNormalized = false;
  };
  const auto tokens = Layout::tokens, image = Layout::image;
  const LayerCase cases[] = {
      {2, 17, 40, 48, tokens, tokens, Activation::silu, false, false, true},
      {1, 1, 130, 5},
      {2, 9, 44, 21, tokens, tokens, Activation::none, false, false, true, false, true},
      {3, 5, 7, 19, tokens, tokens, Activation::quickGelu, false, true, false, true},
      {2, 11, 24, 20, tokens, tokens, Activation::gelu, true, false, true},
      {1, 500, 80, 33, image, tokens},
      {2, 37, 12, 40, tokens, image, Activation::none, false, false, true, true},
      {2, 300, 70, 24, image, image, Activation::relu, false, true, true},
  };
  for (const LayerCase& c : cases) {
    CAPTURE(c.rows);
    const std::int64_t width = c.outputs * (c.isGated ? 2 : 1);
    const auto x = normal(c.n * c.rows * c.inputs, 1), bias = normal(width, 3), residual = normal(c.n * c.rows * c.outputs, 4);
    const auto scale = normal(c.inputs, 5), shift = normal(c.inputs, 6);
    HostVector<float> weight = normal(width * c.inputs, 2), y(residual.size());
    const HostVector<latino::Half> halves = c.isHalf ? toHalves(weight) : HostVector<latino::Half>();
    HostVector<float> normed = x;
    if (c.isNormalized) {
      for (std::int64_t row = 0; row < c.n * c.rows; ++row) {
        float* values = normed.data() + row * c.inputs;
        double mean = 0, variance = 0;
        for (std::int64_t k = 0; k < c.inputs; ++k) mean += values[k] / static_cast<double>(c.inputs);
        for (std::int64_t k = 0; k < c.inputs; ++k) variance += (values[k] - mean) * (values[k] - mean) / static_cast<double>(c.inputs);
        for (std::int64_t k = 0; k < c.inputs; ++k)
          values[k] = static_cast<float>((values[k] - mean) / std::sqrt(variance + 1e-5) * scale[k] + shift[k]);
      }
    }
    for (const unsigned threads : {1U, 64U}) {
      Linear layer([&]() -> WeightValues { return c.isHalf ? WeightValues(halves) : WeightValues(weight); },
                   [&]() -> WeightValues { return bias; }, {c.outputs, c.inputs, c.from, c.to, c.activation, c.isGated, c.isTransposed},
                   threads, std::make_shared<PackedStore>(0));
      LinearArguments arguments{x.data(), c.hasResidual ? residual.data() : nullptr, y.data(), c.n, c.rows, std::nullopt};
      if (c.isNormalized) arguments.norm = {scale.data(), shift.data(), 1e-5F};
      run(std::vector{LinearCall{&layer, arguments}}, kSerial);
      const auto at = [&](Layout layout, std::int64_t channels, std::int64_t n, std::int64_t row, std::int64_t channel) {
        return layout == Layout::image ? (n * channels + channel) * c.rows + row : (n * c.rows + row) * channels + channel;
      };
      double error = 0, largest = 0;
      for (std::int64_t n = 0; n < c.n; ++n)
        for (std::int64_t row = 0; row < c.rows; ++row)
          for (std::int64_t o = 0; o < c.outputs; ++o) {
            const auto sum = [&](std::int64_t output) {
              double total = bias[output];
              for (std::int64_t k = 0; k < c.inputs; ++k)
                total += static_cast<double>(normed[at(c.from, c.inputs, n, row, k)]) *
                         weight[c.isTransposed ? k * width + output : output * c.inputs + k];
              return total;
            };
            const std::int64_t to = at(c.to, c.outputs, n, row, o);
            const double added = c.hasResidual ? residual[to] : 0;
            const double want =
                c.isGated ? sum(o) * activated(sum(c.outputs + o), c.activation) + added : activated(sum(o) + added, c.activation);
            error = std::max(error, std::abs(want - y[to]));
            largest = std::max(largest, std::abs(want));
          }
      CHECK(error < 2e-6 * largest);
    }
  }
}

TEST_CASE("attention agrees with its definition, also where keys come in several blocks") {
  struct AttentionCase {
    std::int64_t n, queries, keys, heads, size;
    bool isCausal = false;
  };
  for (const AttentionCase& c : {AttentionCase{2, 7, 5, 3, 13},
                                 {1, 64, 48, 4, 32},
                                 {1, 130, 600, 2, 40},
                                 {1, 77, 77, 2, 64, true},
                                 {1, 300, 300, 1, 8, true},
                                 {1, 1, 1, 1, 1}}) {
    CAPTURE(c.keys);
    const std::int64_t width = c.heads * c.size;
    const auto query = normal(c.n * c.queries * width, 1), key = normal(c.n * c.keys * width, 2), value = normal(c.n * c.keys * width, 3);
    HostVector<float> y(query.size());
    attention({query.data(), key.data(), value.data(), y.data(), c.n, c.queries, c.keys, c.heads, c.size, c.isCausal}, kSerial);
    double worst = 0;
    for (std::int64_t n = 0; n < c.n; ++n)
      for (std::int64_t i = 0; i < c.queries; ++i)
        for (std::int64_t h = 0; h < c.heads; ++h) {
          const float* q = query.data() + (n * c.queries + i) * width + h * c.size;
          const std::int64_t seen = c.isCausal ? i + 1 : c.keys;
          std::vector<double> weights(static_cast<std::size_t>(seen)), want(static_cast<std::size_t>(c.size)), magnitude(want.size());
          double sum = 0, score = 0;
          for (std::int64_t j = 0; j < seen; ++j) {
            const float* k = key.data() + (n * c.keys + j) * width + h * c.size;
            const double root = std::sqrt(static_cast<double>(c.size));
            weights[j] = std::exp(std::inner_product(q, q + c.size, k, 0.0) / root);
            sum += weights[j];
            const auto product = [](float a, float b) { return std::abs(static_cast<double>(a) * b); };
            score = std::max(score, std::inner_product(q, q + c.size, k, 0.0, std::plus<>(), product) / root);
          }
          for (std::int64_t j = 0; j < seen; ++j)
            for (std::int64_t e = 0; e < c.size; ++e) {
              const double term = weights[j] / sum * value[(n * c.keys + j) * width + h * c.size + e];
              want[e] += term;
              magnitude[e] += std::abs(term);
            }
          // A score's own rounding is a relative error of its weight.
          for (std::int64_t e = 0; e < c.size; ++e)
            worst = std::max(worst, std::abs(want[e] - y[(n * c.queries + i) * width + h * c.size + e]) / (magnitude[e] * (1 + score)));
        }
    CHECK(worst < 16 * 0x1p-24);
  }
}

TEST_CASE("group normalisation agrees with its definition, also far from zero") {
  const std::int64_t n = 2, channels = 12, size = 35, groups = 3;
  HostVector<float> x = normal(n * channels * size, 5);
  for (float& value : x) value += 1000;
  const auto scale = normal(channels, 6), bias = normal(channels, 7);
  HostVector<float> y(x.size());
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
      // The mean is known to the rounding of numbers of its size, which a steep scale then multiplies.
      const double magnitude =
          (std::abs(x[i]) + std::abs(mean)) / std::sqrt(variance + 1e-5) * std::abs(scale[channel]) + std::abs(bias[channel]);
      CHECK(std::abs(activated(want, activation) - y[i]) < latino::roundingOfSum(2, magnitude));
    }
  }
}

TEST_CASE("group normalisation takes moments that it is given") {
  const std::int64_t n = 2, channels = 6, size = 21, groups = 2;
  const auto x = normal(n * channels * size, 5), scale = normal(channels, 6), bias = normal(channels, 7);
  const HostVector<float> moments = {1000, 0.25F, 4, 1000, -3, 0.5F, 1000, 0, 1, 1000, 2, 9};
  HostVector<float> y(x.size());
  groupNorm({x.data(), scale.data(), bias.data(), y.data(), n, channels, size, groups, 1e-5F, Activation::relu, moments.data()}, kSerial);
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(x.size()); ++i) {
    const std::int64_t channel = i / size % channels, group = i / size / (channels / groups);
    const double want = (x[i] - moments[3 * group + 1]) / std::sqrt(moments[3 * group + 2] + 1e-5) * scale[channel] + bias[channel];
    CHECK(y[i] == doctest::Approx(std::max(0.0, want)).epsilon(1e-5).scale(1));
  }
}

TEST_CASE("the error function behind GELU is accurate and saturates") {
  for (float x = -6; x < 6; x += 0.0037F) CHECK(std::abs(errorFunction(broadcast(x))[0] - std::erf(static_cast<double>(x))) < 5e-7);
  CHECK(errorFunction(broadcast(std::numeric_limits<float>::infinity()))[0] == doctest::Approx(1));
}

TEST_CASE("the exponential behind SiLU is accurate and saturates") {
  for (float x = -87; x < 88; x += 0.37F) {
    const double want = std::exp(static_cast<double>(x));
    CHECK(std::abs(exponential(broadcast(x))[0] - want) <= 3e-7 * want);
  }
  CHECK(activate(-1e30F, Activation::silu) == doctest::Approx(0));
  CHECK(activate(1e30F, Activation::silu) == 1e30F);
}
