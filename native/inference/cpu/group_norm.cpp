#include "inference/cpu/group_norm.h"

#include <cmath>

namespace latino::cpu {

namespace {

/// Sums in double by eight accumulators, so that the loop is vectorised and large groups keep their precision.
template <class Map>
double sum(const float* x, std::int64_t count, const Map& map) {
  constexpr int kAccumulators = 8;
  double partial[kAccumulators] = {};
  std::int64_t i = 0;
  for (; i + kAccumulators <= count; i += kAccumulators)
    for (int k = 0; k < kAccumulators; ++k) partial[k] += map(x[i + k]);
  double total = 0;
  for (; i < count; ++i) total += map(x[i]);
  for (const double part : partial) total += part;
  return total;
}

}  // namespace

void groupNorm(const GroupNormArguments& a, const ParallelFor& parallelFor) {
  const std::int64_t channels = a.channels / a.groups, count = channels * a.size;
  parallelFor(static_cast<std::size_t>(a.n * a.groups), [&](std::size_t index) {
    const auto row = static_cast<std::int64_t>(index);
    const float* x = a.x + row * count;
    const double mean = sum(x, count, [](float value) { return static_cast<double>(value); }) / static_cast<double>(count);
    const double variance = sum(x, count,
                                [mean](float value) {
                                  const double difference = value - mean;
                                  return difference * difference;
                                }) /
                            static_cast<double>(count);
    const double factor = 1 / std::sqrt(variance + a.epsilon);
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t channel = row % a.groups * channels + c;
      const auto scale = static_cast<float>(factor * a.scale[channel]);
      const auto shift = static_cast<float>(a.bias[channel] - mean * factor * a.scale[channel]);
      const float* from = x + c * a.size;
      float* to = a.y + row * count + c * a.size;
      for (std::int64_t i = 0; i < a.size; ++i) to[i] = from[i] * scale + shift;
      activate(to, a.size, a.activation);
    }
  });
}

}  // namespace latino::cpu
