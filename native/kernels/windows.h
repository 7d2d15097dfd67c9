// Windows over latents too large for a network: cut out, and blended together again.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace latino {

/// Windows of one size over [N, C, H, W]: one for every pair of a row and a column that they start at.
struct WindowGrid {
  std::vector<std::int64_t> rows, columns;
  std::int64_t height = 0, width = 0;
  /// Pixels over which a window fades out where another goes on. Pixel i of n weighs min(1, (i + 1/2) / ramp, (n - i - 1/2) / ramp) along
  /// an axis, without the fade at the picture's border; a window's weight is the product of both axes.
  double ramp = 1;
};

/// The windows of x, [N · windows, C, height, width]: all of the first image, row by row, then all of the next.
Tensor cutWindows(const Tensor& x, const WindowGrid& grid);
/// The mean of windows [N · windows, C, height, width] by their weights where they overlap, [N, C, H, W]. Throws ArgumentError unless they
/// cover everything.
Tensor blendWindows(const Tensor& windows, const WindowGrid& grid, std::int64_t height, std::int64_t width);
/// The adjoint of `blendWindows`: each window of x times its share of the weights.
Tensor shareWindows(const Tensor& x, const WindowGrid& grid);

}  // namespace latino
