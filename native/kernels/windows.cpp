#include "kernels/windows.h"

#include <algorithm>

#include "kernels/launch.h"
#include "tensor/error.h"

namespace latino {

namespace {

void requireImages(const Tensor& x, const char* name) {
  if (x.dtype() != DType::f32 || x.rank() != 4)
    throw ShapeError(std::string("Expected a tensor [N, C, H, W] of f32 for ") + name + " but received " + toString(x.shape()) + " of " +
                     nameOf(x.dtype()));
}

void requireAxis(const std::vector<std::int64_t>& starts, std::int64_t size, std::int64_t n, double ramp) {
  bool covers = size >= 1 && size <= n && ramp > 0 && !starts.empty() && starts.front() == 0 && starts.back() == n - size;
  for (std::size_t i = 1; i < starts.size(); ++i) covers = covers && starts[i] > starts[i - 1] && starts[i] <= starts[i - 1] + size;
  if (!covers)
    throw ArgumentError("Expected windows that cover 0 to " + std::to_string(n) + " but received " + std::to_string(starts.size()) +
                        " of " + std::to_string(size));
}

/// One axis of a grid on the device: where windows start, and the weight of each of their pixels as a share of all at its place.
struct Axis {
  Tensor starts, shares;
  std::int64_t count, size;
};

/// The shares of an axis; those of a window are the products of both axes, since the weights are products, and so are their sums.
Axis axisOf(const std::shared_ptr<Device>& device, const std::vector<std::int64_t>& starts, std::int64_t size, std::int64_t n,
            double ramp) {
  requireAxis(starts, size, n, ramp);
  std::vector<double> weights, sums(static_cast<std::size_t>(n));
  for (const std::int64_t start : starts) {
    for (std::int64_t i = 0; i < size; ++i) {
      const double left = start == 0 ? 1 : (static_cast<double>(i) + 0.5) / ramp,
                   right = start + size == n ? 1 : (static_cast<double>(size - i) - 0.5) / ramp;
      weights.push_back(std::min({1.0, left, right}));
      sums[static_cast<std::size_t>(start + i)] += weights.back();
    }
  }
  std::vector<float> shares;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const std::int64_t window = static_cast<std::int64_t>(k) / size, i = static_cast<std::int64_t>(k) % size;
    shares.push_back(static_cast<float>(weights[k] / sums[static_cast<std::size_t>(starts[static_cast<std::size_t>(window)] + i)]));
  }
  const auto count = static_cast<std::int64_t>(starts.size());
  return {upload(device, {count}, DType::i64, starts.data()), upload(device, {count, size}, DType::f32, shares.data()), count, size};
}

/// Windows of x, times their shares where `isShared`.
Tensor windowsOf(const Tensor& x, const WindowGrid& grid, bool isShared) {
  requireImages(x, "x");
  const std::int64_t channels = x.dim(1), height = x.dim(2), width = x.dim(3);
  const Axis down = axisOf(x.sharedDevice(), grid.rows, grid.height, height, grid.ramp),
             across = axisOf(x.sharedDevice(), grid.columns, grid.width, width, grid.ramp);
  const Tensor out(x.sharedDevice(), {x.dim(0) * down.count * across.count, channels, down.size, across.size});
  submit({x, down.starts, down.shares, across.starts, across.shares}, {out}, [=] {
    const float *px = x.data<float>(), *shareDown = down.shares.data<float>(), *shareAcross = across.shares.data<float>();
    const std::int64_t *top = down.starts.data<std::int64_t>(), *left = across.starts.data<std::int64_t>();
    float* po = out.data<float>();
    const std::int64_t windows = down.count * across.count, columns = across.count, h = down.size, w = across.size;
    forEach(out.device(), out.size(), [=] LATINO_DEVICE(std::int64_t at) {
      const std::int64_t j = at % w, i = at / w % h, channel = at / (w * h) % channels, window = at / (w * h * channels);
      const std::int64_t row = window % windows / columns, column = window % columns, image = window / windows;
      const float value = px[((image * channels + channel) * height + top[row] + i) * width + left[column] + j];
      po[at] = isShared ? value * shareDown[row * h + i] * shareAcross[column * w + j] : value;
    });
  });
  return out;
}

}  // namespace

Tensor cutWindows(const Tensor& x, const WindowGrid& grid) { return windowsOf(x, grid, false); }

Tensor shareWindows(const Tensor& x, const WindowGrid& grid) { return windowsOf(x, grid, true); }

Tensor blendWindows(const Tensor& windows, const WindowGrid& grid, std::int64_t height, std::int64_t width) {
  requireImages(windows, "windows");
  const Axis down = axisOf(windows.sharedDevice(), grid.rows, grid.height, height, grid.ramp),
             across = axisOf(windows.sharedDevice(), grid.columns, grid.width, width, grid.ramp);
  const std::int64_t count = down.count * across.count, channels = windows.dim(1);
  if (windows.dim(2) != down.size || windows.dim(3) != across.size || windows.dim(0) % count != 0)
    throw ShapeError("Expected " + std::to_string(count) + " windows of " + toString({down.size, across.size}) +
                     " for each image but received " + toString(windows.shape()));
  const Tensor out(windows.sharedDevice(), {windows.dim(0) / count, channels, height, width});
  submit({windows, down.starts, down.shares, across.starts, across.shares}, {out}, [=] {
    const float *px = windows.data<float>(), *shareDown = down.shares.data<float>(), *shareAcross = across.shares.data<float>();
    const std::int64_t *top = down.starts.data<std::int64_t>(), *left = across.starts.data<std::int64_t>();
    float* po = out.data<float>();
    const std::int64_t rows = down.count, columns = across.count, h = down.size, w = across.size;
    forEach(out.device(), out.size(), [=] LATINO_DEVICE(std::int64_t at) {
      const std::int64_t x = at % width, y = at / width % height, channel = at / (width * height) % channels,
                         image = at / (width * height * channels);
      float sum = 0;
      for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t i = y - top[row];
        if (i < 0 || i >= h) continue;
        for (std::int64_t column = 0; column < columns; ++column) {
          const std::int64_t j = x - left[column];
          if (j < 0 || j >= w) continue;
          const std::int64_t window = (image * rows + row) * columns + column;
          sum += px[((window * channels + channel) * h + i) * w + j] * shareDown[row * h + i] * shareAcross[column * w + j];
        }
      }
      po[at] = sum;
    });
  });
  return out;
}

}  // namespace latino
