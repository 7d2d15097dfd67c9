#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <thread>
#include <vector>

#include "image/metrics.h"
#include "image/pixels.h"
#include "image/upscale.h"
#include "tensor/error.h"

using namespace latino;

namespace {

using Bytes = std::vector<std::uint8_t>;
using Words = std::vector<std::uint16_t>;
using Floats = std::vector<float>;

template <class Pixel>
Floats picture(const std::vector<Pixel>& pixels, std::size_t pixelChannels, std::size_t channels) {
  Floats planar(pixels.size() / pixelChannels * channels);
  pictureFromPixels(std::span<const Pixel>(pixels), pixelChannels, planar, channels);
  return planar;
}

template <class Pixel>
std::vector<Pixel> pixels(const Floats& planar, std::size_t channels) {
  std::vector<Pixel> interleaved(planar.size());
  pixelsFromPicture(planar, channels, std::span<Pixel>(interleaved));
  return interleaved;
}

template <class Pixel>
std::vector<Pixel> everyLevel() {
  std::vector<Pixel> levels(std::size_t{std::numeric_limits<Pixel>::max()} + 1);
  std::iota(levels.begin(), levels.end(), Pixel{0});
  return levels;
}

/// A plane of values that look random but are the same everywhere.
Floats noise(std::size_t count, unsigned seed) {
  Floats values(count);
  std::uint32_t state = seed;
  for (float& value : values) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state >> 8) / 8388608.0F - 1;
  }
  return values;
}

double psnrOf(const Floats& a, const Floats& b) { return psnr(a, b); }

/// The definition, window by window.
double plainSsim(const Floats& a, const Floats& b, std::size_t height, std::size_t width) {
  const auto level = [](float value) { return std::floor((std::min(1.0, std::max(-1.0, double{value})) + 1) / 2 * 255 + 0.5); };
  double total = 0, sum = 0;
  std::vector<double> window;
  for (int y = -5; y <= 5; ++y) {
    for (int x = -5; x <= 5; ++x) window.push_back(std::exp(-(x * x + y * y) / 4.5));
  }
  for (const double weight : window) total += weight;
  std::size_t places = 0;
  for (std::size_t plane = 0; plane < a.size(); plane += height * width) {
    for (std::size_t top = 0; top + 11 <= height; ++top) {
      for (std::size_t left = 0; left + 11 <= width; ++left, ++places) {
        double p = 0, q = 0, pp = 0, qq = 0, pq = 0;
        for (std::size_t k = 0; k < 121; ++k) {
          const std::size_t at = plane + (top + k / 11) * width + left + k % 11;
          const double weight = window[k] / total, u = level(a[at]), v = level(b[at]);
          p += weight * u;
          q += weight * v;
          pp += weight * u * u;
          qq += weight * v * v;
          pq += weight * u * v;
        }
        const double c1 = 6.5025, c2 = 58.5225;
        sum += (2 * p * q + c1) * (2 * (pq - p * q) + c2) / ((p * p + q * q + c1) * (pp - p * p + qq - q * q + c2));
      }
    }
  }
  return sum / static_cast<double>(places);
}

}  // namespace

TEST_CASE("every level of 8 and 16 bits survives the way to a picture and back") {
  CHECK(pixels<std::uint8_t>(picture(everyLevel<std::uint8_t>(), 1, 1), 1) == everyLevel<std::uint8_t>());
  CHECK(pixels<std::uint16_t>(picture(everyLevel<std::uint16_t>(), 1, 1), 1) == everyLevel<std::uint16_t>());
}

TEST_CASE("pixels become planes of colours from -1 to 1") {
  CHECK(picture(Bytes{0, 255, 51}, 3, 3) == Floats{-1, 1, static_cast<float>(2 * 0.2 - 1)});
  CHECK(picture(Bytes{0, 255, 255, 255, 0, 0}, 3, 3) == Floats{-1, 1, 1, -1, 1, -1});
  CHECK(picture(Words{0, 65535}, 1, 1) == Floats{-1, 1});
  CHECK(picture(Floats{0, 0.5F, 1, 1.5F}, 1, 1) == Floats{-1, 0, 1, 2});
}

TEST_CASE("grey is repeated, and colour becomes luma; grey in three colours stays as it is") {
  CHECK(picture(Bytes{0, 255}, 1, 3) == Floats{-1, 1, -1, 1, -1, 1});
  CHECK(picture(Bytes{255, 0, 0}, 3, 1)[0] == doctest::Approx(2 * 0.299 - 1).epsilon(1e-6));
  CHECK(picture(Words{0, 0, 65535}, 3, 1)[0] == doctest::Approx(2 * 0.114 - 1).epsilon(1e-6));
  for (const std::uint8_t level : everyLevel<std::uint8_t>())
    CHECK(picture(Bytes{level, level, level}, 3, 1) == picture(Bytes{level}, 1, 1));
  Floats luma(1), colour(6);
  changeChannels(Floats{1, -1, -1}, 3, luma, 1);
  CHECK(luma[0] == doctest::Approx(2 * 0.299 - 1).epsilon(1e-6));
  changeChannels(Floats{0.25F, -0.5F}, 1, colour, 3);
  CHECK(colour == Floats{0.25F, -0.5F, 0.25F, -0.5F, 0.25F, -0.5F});
}

TEST_CASE("what is transparent is laid on white") {
  CHECK(picture(Bytes{10, 20, 30, 0}, 4, 3) == Floats{1, 1, 1});
  CHECK(picture(Bytes{0, 255, 0, 255}, 4, 3) == Floats{-1, 1, -1});
  CHECK(picture(Words{0, 65535, 7, 0}, 2, 1) == Floats{-1, 1});
  CHECK(picture(Bytes{0, 51}, 2, 3)[2] == doctest::Approx(2 * 0.8 - 1));
}

TEST_CASE("values are rounded to the nearest level, halves up, and clipped") {
  const float half = 1.0F / 255;
  CHECK(pixels<std::uint8_t>({-1, 1, 0, half, -half, -7, 7, NAN, INFINITY, -INFINITY}, 1) ==
        Bytes{0, 255, 128, 128, 127, 0, 255, 0, 255, 0});
  CHECK(pixels<std::uint16_t>({-1, -1, 1, 1, 0, 0}, 3) == Words{0, 65535, 32768, 0, 65535, 32768});
}

TEST_CASE("pictures that do not fit, or are not finite, are refused") {
  Floats small(3);
  CHECK_THROWS_AS(pictureFromPixels(std::span<const std::uint8_t>(Bytes(4)), 1, small, 1), ShapeError);
  CHECK_THROWS_AS(pictureFromPixels(std::span<const std::uint8_t>(Bytes(15)), 5, small, 1), ShapeError);
  CHECK_THROWS_AS(pictureFromPixels(std::span<const std::uint8_t>(Bytes(3)), 1, small, 2), ShapeError);
  CHECK_THROWS_AS(changeChannels(small, 3, small, 1), ShapeError);
  CHECK_THROWS_AS(pixels<std::uint8_t>(Floats(4), 3), ShapeError);
  CHECK_THROWS_AS(picture(Floats{0, NAN, 0}, 1, 1), ImageError);
  CHECK_THROWS_AS(picture(Floats{0, 0, INFINITY}, 3, 3), ImageError);
  CHECK(allFinite(Floats{1, -1e38F, 0}));
  CHECK_FALSE(allFinite(Floats{1, 2, 3, 4, 5, 6, 7, 8, -INFINITY}));
}

TEST_CASE("psnr follows the definition, in 8 bits") {
  CHECK(psnrOf(Floats(7, 0.0F), Floats(7, 10 / 127.5F)) == doctest::Approx(20 * std::log10(25.5)).epsilon(1e-12));
  CHECK(psnrOf({1, 0, -1}, {1.5F, 0.001F, -1}) == std::numeric_limits<double>::infinity());
  CHECK(psnrOf({-1, -1, -1}, {1, 1, 1}) == 0);
  CHECK_THROWS_AS(psnrOf({1}, {1, 2}), ShapeError);
}

TEST_CASE("ssim follows the definition at every size, odd ones and the smallest too") {
  for (const auto& [height, width] : {std::pair<std::size_t, std::size_t>{11, 11}, {11, 18}, {23, 12}, {17, 37}}) {
    for (const std::size_t planes : {1U, 3U}) {
      const Floats a = noise(planes * height * width, 1), other = noise(a.size(), 2);
      Floats b = a;
      for (std::size_t i = 0; i < b.size(); ++i) b[i] = 0.7F * a[i] + 0.3F * other[i];
      CHECK(ssim(a, b, {height, width}) == doctest::Approx(plainSsim(a, b, height, width)).epsilon(1e-10));
      CHECK(ssim(a, a, {height, width}) == doctest::Approx(1).epsilon(1e-12));
    }
  }
  CHECK_THROWS_AS(ssim(Floats(110), Floats(110), {10, 11}), ShapeError);
  CHECK_THROWS_AS(ssim(Floats(122), Floats(122), {11, 11}), ShapeError);
}

TEST_CASE("enlarging keeps flat pictures flat, ramps straight, and pictures of their own size as they are") {
  const auto enlarged = [](const Floats& values, PictureSize from, PictureSize to) {
    Floats out(values.size() / (from.height * from.width) * to.height * to.width);
    upscale(values, from, out, to);
    return out;
  };
  for (const float value : enlarged(Floats(3 * 5 * 7, 0.3F), {5, 7}, {11, 9})) CHECK(value == doctest::Approx(0.3));
  Floats ramp(8);
  std::iota(ramp.begin(), ramp.end(), 0.0F);
  const Floats large = enlarged(ramp, {1, 8}, {1, 32});
  for (std::size_t x = 8; x < 24; ++x) CHECK(large[x] == doctest::Approx((static_cast<double>(x) + 0.5) / 4 - 0.5));
  CHECK(enlarged(noise(2 * 3 * 5, 1), {3, 5}, {3, 5}) == noise(2 * 3 * 5, 1));
  CHECK_THROWS_AS(upscale(Floats(6), {2, 2}, ramp, {2, 4}), ShapeError);
}

TEST_CASE("any number of threads compute the same at once") {
  const Floats a = noise(3 * 41 * 53, 1), b = noise(a.size(), 2);
  const double expected = ssim(a, b, {41, 53});
  const Bytes expectedPixels = pixels<std::uint8_t>(a, 3);
  std::vector<double> similarities(8);
  std::vector<Bytes> quantised(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      similarities[i] = ssim(a, b, {41, 53});
      quantised[i] = pixels<std::uint8_t>(a, 3);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(similarities == std::vector<double>(8, expected));
  CHECK(quantised == std::vector<Bytes>(8, expectedPixels));
}
