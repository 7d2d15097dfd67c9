// How close two pictures are, both rounded to 8 bits. Planar float32 in [-1, 1]; sums in double, in a fixed order.
#pragma once

#include <cstddef>
#include <span>

#include "image/pixels.h"

namespace latino {

/// Peak signal-to-noise ratio in dB; infinity for equal ones. Throws ShapeError unless the sizes agree.
double psnr(std::span<const float> a, std::span<const float> b);

/// Sides of the window that `ssim` looks through.
inline constexpr std::size_t kSsimWindow = 11;

/// Structural similarity (Wang et al. 2004), the mean over the planes [planes, size]: a Gaussian window of 11 x 11 with sigma 1.5, only
/// where it lies inside the picture. Throws ShapeError unless the sizes agree and the window fits.
double ssim(std::span<const float> a, std::span<const float> b, PictureSize size);

}  // namespace latino
