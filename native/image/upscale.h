// Enlarging a picture for people to look at.
#pragma once

#include <cstddef>
#include <span>

#include "image/pixels.h"

namespace latino {

/// Bicubic interpolation (Keys, a = -1/2) of planes, centred on pixels, the border replicated: [planes, from] to [planes, to]. Throws
/// ShapeError where the sizes do not fit.
void upscale(std::span<const float> picture, PictureSize from, std::span<float> enlarged, PictureSize to);

}  // namespace latino
