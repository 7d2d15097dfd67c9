// Images in bands of rows, and what is known of a whole from its parts.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/elementwise.h"
#include "kernels/moments.h"
#include "kernels/rows.h"
#include "tensor/error.h"
#include "test_device.h"

using namespace latino;

TEST_CASE("rows of bands are those of the image that they make") {
  const auto device = openTestDevice(3);
  const Shape shape{2, 3, 11, 5};
  const Tensor image = randn(device, shape, 1, 0);
  const std::vector<float> all = readFloats(image);
  const std::vector<Tensor> bands = {rows({image}, 0, 4), rows({image}, 4, 5), rows({image}, 5, 11)};
  for (const auto& range : {std::pair<std::int64_t, std::int64_t>{0, 11}, {2, 9}, {4, 5}, {5, 11}, {3, 3}, {0, 1}}) {
    const std::int64_t from = range.first, to = range.second;
    CAPTURE(from);
    const Tensor part = rows(bands, from, to);
    CHECK(part.shape() == Shape{2, 3, to - from, 5});
    const std::vector<float> got = readFloats(part);
    for (std::int64_t plane = 0; plane < 6; ++plane)
      for (std::int64_t i = 0; i < (to - from) * 5; ++i)
        CHECK(got[static_cast<std::size_t>(plane * (to - from) * 5 + i)] == all[static_cast<std::size_t>((plane * 11 + from) * 5 + i)]);
  }
  CHECK_THROWS_AS(rows({}, 0, 0), ArgumentError);
  CHECK_THROWS_AS(rows(bands, 0, 12), ShapeError);
  CHECK_THROWS_AS(rows(bands, -1, 2), ShapeError);
  CHECK_THROWS_AS(rows({image, randn(device, {2, 3, 4, 6}, 1, 0)}, 0, 1), ShapeError);
}

TEST_CASE("moments of an image are those of its bands together, also far from zero") {
  const auto device = openTestDevice(2);
  const std::int64_t n = 2, channels = 6, height = 90, width = 61, groups = 3, count = channels / groups * height * width;
  const Tensor noise = randn(device, {n, channels, height, width}, 3, 0);
  const Tensor image = linearCombination(1, noise, 500, power(noise, 1, 0));
  const std::vector<float> x = readFloats(image);
  const auto check = [&](const Tensor& moments, double tolerance) {
    CHECK(moments.shape() == Shape{n, groups, 3});
    const std::vector<float> got = readFloats(moments);
    for (std::int64_t group = 0; group < n * groups; ++group) {
      const float* values = x.data() + group * count;
      double mean = 0, variance = 0;
      for (std::int64_t i = 0; i < count; ++i) mean += values[i] / static_cast<double>(count);
      for (std::int64_t i = 0; i < count; ++i) variance += std::pow(values[i] - mean, 2.0) / static_cast<double>(count);
      const auto at = static_cast<std::size_t>(3 * group);
      CHECK(got[at] == static_cast<float>(count));
      CHECK(std::abs(got[at + 1] - mean) < mean * 0x1p-23);
      CHECK(std::abs(got[at + 2] - variance) < tolerance * variance);
    }
  };
  check(groupMoments(image, groups), 1e-6);
  // Means of bands are rounded to float32, which is a part of the variance where they lie far from zero.
  const auto band = [&](std::int64_t from, std::int64_t to) { return groupMoments(rows({image}, from, to), groups); };
  check(pooledMoments({band(0, 1), band(1, 40), band(40, 40), band(40, 90)}), 1e-5);
  CHECK(readFloats(groupMoments(image, groups)) == readFloats(groupMoments(rows({image}, 0, height), groups)));
  CHECK_THROWS_AS(groupMoments(image, 4), ArgumentError);
  CHECK_THROWS_AS(pooledMoments({band(0, 1), image}), ShapeError);
  CHECK_THROWS_AS(pooledMoments({}), ArgumentError);
}
