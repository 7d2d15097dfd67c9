#include <doctest/doctest.h>

#include <cmath>

#include "kernels/elementwise.h"
#include "kernels/philox.h"
#include "test_device.h"

using namespace latino;

TEST_CASE("Philox4x32-10 gives the published vectors") {
  const auto check = [](PhiloxBlock counter, std::uint32_t key0, std::uint32_t key1, PhiloxBlock want) {
    const PhiloxBlock got = philox4x32(counter, key0, key1);
    for (int i = 0; i < 4; ++i) CHECK(got.word[i] == want.word[i]);
  };
  check({{0, 0, 0, 0}}, 0, 0, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
  const std::uint32_t ones = 0xffffffff;
  check({{ones, ones, ones, ones}}, ones, ones, {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
  check({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0, {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
}

TEST_CASE("noise is standard normal and does not depend on the number of threads") {
  const auto one = openTestDevice(1), four = openTestDevice(4);
  const std::vector<float> a = readFloats(randn(one, {400001}, 7, 3));
  CHECK(a == readFloats(randn(four, {400001}, 7, 3)));
  CHECK(a != readFloats(randn(one, {400001}, 7, 4)));
  CHECK(a != readFloats(randn(one, {400001}, 8, 3)));
  double sum = 0, squares = 0, fourth = 0;
  for (const double v : a) sum += v, squares += v * v, fourth += v * v * v * v;
  const double n = static_cast<double>(a.size());
  CHECK(std::abs(sum / n) < 0.01);
  CHECK(std::abs(squares / n - 1) < 0.01);
  CHECK(std::abs(fourth / n - 3) < 0.1);
}

TEST_CASE("norms agree with a direct sum, whatever the number of threads") {
  const auto one = openTestDevice(1), three = openTestDevice(3);
  const Shape shape{2, 3, 61, 97};
  const std::vector<float> x = readFloats(randn(one, shape, 1, 0)), got = readFloats(norm(randn(one, shape, 1, 0)));
  for (std::size_t image = 0; image < 2; ++image) {
    double squares = 0;
    for (std::size_t i = 0; i < x.size() / 2; ++i) squares += std::pow(x[image * x.size() / 2 + i], 2.0);
    CHECK(got[image] == doctest::Approx(std::sqrt(squares)).epsilon(1e-6));
  }
  CHECK(got == readFloats(norm(randn(three, shape, 1, 0))));
  CHECK(readFloats(norm(randn(one, {0, 3}, 1, 0))).empty());
  CHECK(readFloats(norm(randn(one, {2, 0}, 1, 0))) == std::vector<float>{0, 0});
}

TEST_CASE("element-wise kernels") {
  const auto device = openTestDevice(2);
  const std::vector<float> values{-2, -0.5F, 0, 0.5F, 4};
  const Tensor x = upload(device, {5}, DType::f32, values.data());
  CHECK(readFloats(linearCombination(2, x, 0, {})) == std::vector<float>{-4, -1, 0, 1, 8});
  CHECK(readFloats(linearCombination(2, x, -1, x)) == values);
  CHECK(readFloats(clip(x, -1, 1)) == std::vector<float>{-1, -0.5F, 0, 0.5F, 1});
  CHECK(readFloats(power(linearCombination(1, x, 0, {}), 3, 2)) == std::vector<float>{12, 0.75F, 0, 0.75F, 48});
  CHECK(readFloats(full(device, {2}, DType::f32, 1.5)) == std::vector<float>{1.5F, 1.5F});
}

TEST_CASE("a frame is mirrored without repeating the edge, and cut back") {
  const auto device = openTestDevice(1);
  const std::vector<float> values{0, 1, 2, 3, 4, 5};
  const Tensor x = upload(device, {1, 1, 2, 3}, DType::f32, values.data());
  CHECK(readFloats(fitFrame(x, 3, 6)) == std::vector<float>{0, 1, 2, 1, 0, 1, 3, 4, 5, 4, 3, 4, 0, 1, 2, 1, 0, 1});
  CHECK(readFloats(fitFrame(fitFrame(x, 5, 8), 2, 3)) == values);
}
