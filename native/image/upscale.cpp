#include "image/upscale.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tensor/error.h"

namespace latino {

namespace {

/// The four input pixels that an output pixel reads, and their weights.
struct Interpolation {
  std::array<std::size_t, 4> source;
  std::array<double, 4> weight;
};

std::vector<Interpolation> interpolations(std::size_t from, std::size_t to) {
  std::vector<Interpolation> all(to);
  for (std::size_t i = 0; i < to; ++i) {
    const double position = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
    const double base = std::floor(position);
    for (std::size_t k = 0; k < 4; ++k) {
      const double pixel = base + static_cast<double>(k) - 1, t = std::abs(pixel - position);
      all[i].weight[k] = t < 1 ? (1.5 * t - 2.5) * t * t + 1 : ((-0.5 * t + 2.5) * t - 4) * t + 2;
      all[i].source[k] = static_cast<std::size_t>(std::clamp(pixel, 0.0, static_cast<double>(from - 1)));
    }
  }
  return all;
}

}  // namespace

void upscale(std::span<const float> picture, PictureSize from, std::span<float> enlarged, PictureSize to) {
  const std::size_t before = from.height * from.width, after = to.height * to.width;
  if (before == 0 || after == 0 || picture.size() % before != 0 || enlarged.size() % after != 0 ||
      picture.size() / before != enlarged.size() / after) {
    throw ShapeError("Expected planes of " + std::to_string(before) + " and " + std::to_string(after) + " values but received " +
                     std::to_string(picture.size()) + " and " + std::to_string(enlarged.size()));
  }
  const std::vector<Interpolation> rows = interpolations(from.height, to.height), columns = interpolations(from.width, to.width);
  std::vector<double> line(from.width);  // a row of the result, not yet enlarged across
  for (std::size_t plane = 0; plane < picture.size() / before; ++plane) {
    const float* source = &picture[plane * before];
    float* out = &enlarged[plane * after];
    for (const Interpolation& row : rows) {
      for (std::size_t x = 0; x < from.width; ++x) {
        line[x] = 0;
        for (std::size_t k = 0; k < 4; ++k) line[x] += row.weight[k] * static_cast<double>(source[row.source[k] * from.width + x]);
      }
      for (const Interpolation& column : columns) {
        double sum = 0;
        for (std::size_t k = 0; k < 4; ++k) sum += column.weight[k] * line[column.source[k]];
        *out++ = static_cast<float>(sum);
      }
    }
  }
}

}  // namespace latino
