// Pixels as files have them (interleaved: integers, or floats from 0 to 1), to and from pictures as the library computes with them: planar
// float32 in [-1, 1]. Plain loops on the calling thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace latino {

struct PictureSize {
  std::size_t height, width;
};

/// Pixels [count, pixelChannels] of uint8, uint16 or float (1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha) become a picture
/// [channels, count] of 1 or 3 channels: what is transparent is laid on white, grey is repeated, colour becomes Rec. 601 luma. Throws
/// ShapeError where the sizes do not fit, ImageError where a float is not finite.
template <class Pixel>
void pictureFromPixels(std::span<const Pixel> pixels, std::size_t pixelChannels, std::span<float> picture, std::size_t channels);

/// A picture [channels, count] becomes pixels [count, channels] of uint8 or uint16, rounded to the nearest integer; what lies outside [-1,
/// 1] is clipped.
template <class Pixel>
void pixelsFromPicture(std::span<const float> picture, std::size_t channels, std::span<Pixel> pixels);

/// A picture of 1 channel becomes one of 3 alike, one of 3 its Rec. 601 luma.
void changeChannels(std::span<const float> picture, std::size_t channels, std::span<float> changed, std::size_t wanted);

bool allFinite(std::span<const float> values);

}  // namespace latino
