#include "kernels/elementwise.h"

#include "kernels/launch.h"
#include "kernels/philox.h"
#include "tensor/error.h"

namespace latino {

namespace {

void requireFloats(const Tensor& x, const char* name) {
  if (x.dtype() != DType::f32)
    throw ArgumentError(std::string("Expected a tensor of f32 for ") + name + " but received " + nameOf(x.dtype()));
}

}  // namespace

Tensor linearCombination(double a, const Tensor& x, double b, const Tensor& y) {
  requireFloats(x, "x");
  if (y.valid()) {
    requireFloats(y, "y");
    if (y.shape() != x.shape()) throw ShapeError("Expected y of shape " + toString(x.shape()) + " but received " + toString(y.shape()));
  }
  const Tensor out(x.sharedDevice(), x.shape());
  submit({x, y}, {out}, [=] {
    const float* px = x.data<float>();
    const float* py = y.valid() ? y.data<float>() : nullptr;
    float* po = out.data<float>();
    const float fa = static_cast<float>(a), fb = static_cast<float>(b);
    if (!y.valid()) {
      forEach(out.device(), out.size(), [=] LATINO_HOST_DEVICE(std::int64_t i) { po[i] = fa * px[i]; });
      return;
    }
    forEach(out.device(), out.size(), [=] LATINO_HOST_DEVICE(std::int64_t i) { po[i] = fa * px[i] + fb * py[i]; });
  });
  return out;
}

Tensor clip(const Tensor& x, double low, double high) {
  requireFloats(x, "x");
  const Tensor out(x.sharedDevice(), x.shape());
  submit({x}, {out}, [=] {
    const float* px = x.data<float>();
    float* po = out.data<float>();
    const float lo = static_cast<float>(low), hi = static_cast<float>(high);
    forEach(out.device(), out.size(), [=] LATINO_HOST_DEVICE(std::int64_t i) { po[i] = px[i] < lo ? lo : px[i] > hi ? hi : px[i]; });
  });
  return out;
}

Tensor full(std::shared_ptr<Device> device, Shape shape, DType dtype, double value) {
  if (dtype == DType::f16) throw ArgumentError("Expected f32 or i64 for dtype but received f16");
  const Tensor out(std::move(device), std::move(shape), dtype);
  submit({}, {out}, [=] {
    if (dtype == DType::f32) {
      float* po = out.data<float>();
      const float number = static_cast<float>(value);
      forEach(out.device(), out.size(), [=] LATINO_HOST_DEVICE(std::int64_t i) { po[i] = number; });
    } else {
      auto* po = out.data<std::int64_t>();
      const auto number = static_cast<std::int64_t>(value);
      forEach(out.device(), out.size(), [=] LATINO_HOST_DEVICE(std::int64_t i) { po[i] = number; });
    }
  });
  return out;
}

Tensor randn(std::shared_ptr<Device> device, Shape shape, std::uint64_t seed, std::uint64_t call) {
  const Tensor out(std::move(device), std::move(shape));
  submit({}, {out}, [=] {
    float* po = out.data<float>();
    const std::int64_t n = out.size();
    forEach(out.device(), (n + 3) / 4, [=] LATINO_HOST_DEVICE(std::int64_t block) {
      const NormalBlock normal = normalBlock(seed, call, static_cast<std::uint64_t>(block));
      for (std::int64_t k = 0; k < 4 && 4 * block + k < n; ++k) po[4 * block + k] = normal.value[k];
    });
  });
  return out;
}

Tensor norm(const Tensor& x) {
  requireFloats(x, "x");
  if (x.rank() == 0) throw ShapeError("Expected a tensor [N, ...] but received []");
  const Tensor out(x.sharedDevice(), {x.dim(0)});
  submit({x}, {out}, [=] {
    const float* px = x.data<float>();
    float* po = out.data<float>();
    const std::int64_t images = x.dim(0), n = images == 0 ? 0 : x.size() / images;
    sumRows(out.device(), images, n, po, [=] LATINO_HOST_DEVICE(std::int64_t row, std::int64_t i) {
      const double value = px[row * n + i];
      return value * value;
    });
    forEach(out.device(), images, [=] LATINO_HOST_DEVICE(std::int64_t i) { po[i] = sqrtf(po[i]); });
  });
  return out;
}

Tensor power(const Tensor& x, double coefficient, double exponent) {
  requireFloats(x, "x");
  const Tensor out(x.sharedDevice(), x.shape());
  submit({x}, {out}, [=] {
    const float* px = x.data<float>();
    float* po = out.data<float>();
    const float c = static_cast<float>(coefficient), e = static_cast<float>(exponent);
    forEach(out.device(), out.size(), [=] LATINO_HOST_DEVICE(std::int64_t i) { po[i] = c * (e == 1.0F ? px[i] : powf(px[i], e)); });
  });
  return out;
}

Tensor fitFrame(const Tensor& x, std::int64_t height, std::int64_t width) {
  requireFloats(x, "x");
  if (x.rank() != 4) throw ShapeError("Expected a tensor [N, C, H, W] but received " + toString(x.shape()));
  if (x.dim(2) < 1 || x.dim(3) < 1) throw ShapeError("Expected an image of at least 1 x 1 but received " + toString(x.shape()));
  if (height < 1 || width < 1) throw ShapeError("Expected a frame of at least 1 x 1 but received " + toString({height, width}));
  const Tensor out(x.sharedDevice(), {x.dim(0), x.dim(1), height, width});
  submit({x}, {out}, [=] {
    const float* px = x.data<float>();
    float* po = out.data<float>();
    const std::int64_t h = x.dim(2), w = x.dim(3);
    forEach(out.device(), out.size(), [=] LATINO_HOST_DEVICE(std::int64_t i) {
      // Mirrored without repeating the edge, as often as it takes.
      const auto mirrored = [](std::int64_t at, std::int64_t n) {
        const std::int64_t period = n > 1 ? 2 * n - 2 : 1, inside = at % period;
        return inside < n ? inside : period - inside;
      };
      const std::int64_t column = i % width, row = i / width % height, plane = i / (width * height);
      po[i] = px[(plane * h + mirrored(row, h)) * w + mirrored(column, w)];
    });
  });
  return out;
}

}  // namespace latino
