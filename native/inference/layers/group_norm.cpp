#include "inference/layers/group_norm.h"

#include <algorithm>
#include <cmath>

namespace latino::layers {

namespace {

struct SumAndSquares {
  double sum = 0, squares = 0;
};

struct Moments {
  double mean, variance;
};

/// Sums in double, so that groups far from zero keep their precision: a square of a float is exact there. Eight accumulators of each,
/// so that the loop is vectorised.
SumAndSquares sumsOf(const float* x, std::int64_t count) {
  double sums[kLanes] = {}, squares[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) {
      const double value = x[i + lane];
      sums[lane] += value;
      squares[lane] += value * value;
    }
  SumAndSquares all;
  for (; i < count; ++i) {
    all.sum += x[i];
    all.squares += static_cast<double>(x[i]) * x[i];
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    all.sum += sums[lane];
    all.squares += squares[lane];
  }
  return all;
}

Moments momentsOf(const float* x, std::int64_t count) {
  const auto [sum, squares] = sumsOf(x, count);
  const double mean = sum / static_cast<double>(count);
  return {mean, std::max(0.0, squares / static_cast<double>(count) - mean * mean)};
}

}  // namespace

void groupNorm(const GroupNormArguments& a, const ParallelFor& parallelFor) {
  const std::int64_t channels = a.channels / a.groups, count = channels * a.size;
  parallelFor(static_cast<std::size_t>(a.n * a.groups), [&](std::size_t index) {
    const auto row = static_cast<std::int64_t>(index);
    const float* x = a.x + row * count;
    const float* given = a.moments == nullptr ? nullptr : a.moments + 3 * row;
    const auto [mean, variance] = given == nullptr ? momentsOf(x, count) : Moments{given[1], given[2]};
    const double factor = 1 / std::sqrt(variance + a.epsilon);
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t channel = row % a.groups * channels + c;
      const auto scale = static_cast<float>(factor * a.scale[channel]);
      const auto shift = static_cast<float>(a.bias[channel] - mean * factor * a.scale[channel]);
      const float* from = x + c * a.size;
      float* to = a.y + row * count + c * a.size;
      for (std::int64_t i = 0; i < a.size; i += kLanes) {
        const std::int64_t lanes = std::min<std::int64_t>(kLanes, a.size - i);
        storeFirst(to + i, activate(loadFirst(from + i, lanes) * scale + shift, a.activation), lanes);
      }
    }
  });
}

}  // namespace latino::layers
