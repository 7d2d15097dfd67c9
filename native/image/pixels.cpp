#include "image/pixels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "image/quantise.h"
#include "tensor/error.h"

namespace latino {

namespace {

template <class Pixel>
constexpr double kWhite = std::is_floating_point_v<Pixel> ? 1.0 : static_cast<double>(std::numeric_limits<Pixel>::max());

void requireSize(std::size_t received, std::size_t expected, const char* what) {
  if (received != expected)
    throw ShapeError("Expected " + std::to_string(expected) + " values of " + what + " but received " + std::to_string(received));
}

void requireChannels(std::size_t channels) {
  if (channels != 1 && channels != 3) throw ShapeError("Expected a picture of 1 or 3 channels but received " + std::to_string(channels));
}

/// Grey stays what it is, to the last bit.
float luma(float r, float g, float b) {
  return r == g && g == b
             ? r
             : static_cast<float>(0.299 * static_cast<double>(r) + 0.587 * static_cast<double>(g) + 0.114 * static_cast<double>(b));
}

template <int PixelChannels, int Channels, class Pixel>
void convert(std::span<const Pixel> pixels, std::span<float> picture) {
  constexpr int kColours = PixelChannels < 3 ? 1 : 3;
  const std::size_t count = picture.size() / Channels;
  for (std::size_t i = 0; i < count; ++i) {
    const Pixel* pixel = &pixels[i * PixelChannels];
    double alpha = 1;
    if constexpr (PixelChannels == 2 || PixelChannels == 4) alpha = static_cast<double>(pixel[kColours]) / kWhite<Pixel>;
    float colours[kColours];
    for (int c = 0; c < kColours; ++c)
      colours[c] = static_cast<float>(2 * (static_cast<double>(pixel[c]) / kWhite<Pixel> * alpha + 1 - alpha) - 1);
    if constexpr (kColours == 3 && Channels == 1) {
      picture[i] = luma(colours[0], colours[1], colours[2]);
    } else {
      for (int c = 0; c < Channels; ++c) picture[static_cast<std::size_t>(c) * count + i] = colours[c % kColours];
    }
  }
}

}  // namespace

template <class Pixel>
void pictureFromPixels(std::span<const Pixel> pixels, std::size_t pixelChannels, std::span<float> picture, std::size_t channels) {
  requireChannels(channels);
  if (pixelChannels < 1 || pixelChannels > 4)
    throw ShapeError("Expected pixels of 1 to 4 channels but received " + std::to_string(pixelChannels));
  requireSize(pixels.size() * channels, picture.size() * pixelChannels, "pixels times channels");
  if constexpr (std::is_floating_point_v<Pixel>) {
    if (!allFinite(pixels)) throw ImageError("Expected finite pixels but received NaN or infinity");
  }
  switch (pixelChannels * 10 + channels) {
    case 11:
      return convert<1, 1>(pixels, picture);
    case 13:
      return convert<1, 3>(pixels, picture);
    case 21:
      return convert<2, 1>(pixels, picture);
    case 23:
      return convert<2, 3>(pixels, picture);
    case 31:
      return convert<3, 1>(pixels, picture);
    case 33:
      return convert<3, 3>(pixels, picture);
    case 41:
      return convert<4, 1>(pixels, picture);
    default:
      return convert<4, 3>(pixels, picture);
  }
}

template <class Pixel>
void pixelsFromPicture(std::span<const float> picture, std::size_t channels, std::span<Pixel> pixels) {
  requireChannels(channels);
  requireSize(pixels.size(), picture.size(), "pixels");
  const std::size_t count = picture.size() / channels;
  requireSize(picture.size(), count * channels, "whole planes");
  if (channels == 1) {
    for (std::size_t i = 0; i < count; ++i) pixels[i] = quantise<Pixel>(picture[i]);
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t c = 0; c < 3; ++c) pixels[3 * i + c] = quantise<Pixel>(picture[c * count + i]);
  }
}

template void pictureFromPixels(std::span<const std::uint8_t>, std::size_t, std::span<float>, std::size_t);
template void pictureFromPixels(std::span<const std::uint16_t>, std::size_t, std::span<float>, std::size_t);
template void pictureFromPixels(std::span<const float>, std::size_t, std::span<float>, std::size_t);
template void pixelsFromPicture(std::span<const float>, std::size_t, std::span<std::uint8_t>);
template void pixelsFromPicture(std::span<const float>, std::size_t, std::span<std::uint16_t>);

void changeChannels(std::span<const float> picture, std::size_t channels, std::span<float> changed, std::size_t wanted) {
  requireChannels(channels);
  requireChannels(wanted);
  requireSize(changed.size() * channels, picture.size() * wanted, "a picture times channels");
  const std::size_t count = picture.size() / channels;
  if (channels == 3 && wanted == 1) {
    for (std::size_t i = 0; i < count; ++i) changed[i] = luma(picture[i], picture[count + i], picture[2 * count + i]);
    return;
  }
  for (std::size_t copied = 0; copied < changed.size(); copied += picture.size())
    std::copy(picture.begin(), picture.end(), changed.begin() + static_cast<std::ptrdiff_t>(copied));
}

bool allFinite(std::span<const float> values) {
  // No early end: a loop without one is vectorised.
  std::size_t bad = 0;
  for (const float value : values) bad += std::isfinite(value) ? 0 : 1;
  return bad == 0;
}

}  // namespace latino
