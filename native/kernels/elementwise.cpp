#include "kernels/elementwise.h"

#include <algorithm>

#include "kernels/launch.h"
#include "kernels/philox.h"
#include "tensor/error.h"

namespace latino {

namespace {

void requireFloats(const Tensor& x, const char* name) {
  if (x.dtype() != DType::f32)
    throw ArgumentError(std::string("Expected a tensor of f32 for ") + name + " but received " + nameOf(x.dtype()));
}

void requirePerImage(const PerImage& numbers, const Tensor& x, const char* name) {
  const auto images = static_cast<std::size_t>(x.rank() == 0 ? 1 : x.dim(0));
  if (numbers.size() != 1 && numbers.size() != images)
    throw ShapeError("Expected one number or " + std::to_string(images) + " for " + name + " but received " +
                     std::to_string(numbers.size()));
}

double of(const PerImage& numbers, std::size_t image) { return numbers.size() == 1 ? numbers[0] : numbers[image]; }

/// task(image, first element, elements) for each image where there are several numbers, once for all where there is one: what a launch
/// computes does not depend on the images beside it.
template <class Task>
void forParts(const Tensor& x, std::size_t parts, const Task& task) {
  const std::int64_t count = x.size() / static_cast<std::int64_t>(parts);
  for (std::size_t part = 0; part < parts; ++part) task(part, static_cast<std::int64_t>(part) * count, count);
}

}  // namespace

Tensor linearCombination(const PerImage& a, const Tensor& x, const PerImage& b, const Tensor& y) {
  requireFloats(x, "x");
  requirePerImage(a, x, "a");
  requirePerImage(b, x, "b");
  if (y.valid()) {
    requireFloats(y, "y");
    if (y.shape() != x.shape()) throw ShapeError("Expected y of shape " + toString(x.shape()) + " but received " + toString(y.shape()));
  }
  const Tensor out(x.sharedDevice(), x.shape());
  submit({x, y}, {out}, [=] {
    forParts(x, std::max(a.size(), b.size()), [&](std::size_t image, std::int64_t first, std::int64_t count) {
      const float* px = x.data<float>() + first;
      float* po = out.data<float>() + first;
      const float fa = static_cast<float>(of(a, image)), fb = static_cast<float>(of(b, image));
      if (!y.valid()) {
        mapFloats(
            out.device(), count, po, [=] LATINO_DEVICE(float u) { return fa * u; }, px);
        return;
      }
      const float* py = y.data<float>() + first;
      mapFloats(
          out.device(), count, po, [=] LATINO_DEVICE(float u, float v) { return fa * u + fb * v; }, px, py);
    });
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
    mapFloats(
        out.device(), out.size(), po, [=] LATINO_DEVICE(float u) { return u < lo   ? lo
                                                                          : u > hi ? hi
                                                                                   : u; }, px);
  });
  return out;
}

Tensor full(std::shared_ptr<Device> device, Shape shape, DType dtype, double value) {
  if (dtype == DType::f16) throw ArgumentError("Expected f32 or i64 for dtype but received f16");
  // Converting what does not fit is undefined.
  if (dtype == DType::i64 && !(value >= -0x1p63 && value < 0x1p63))
    throw ArgumentError("Expected a number that fits into 64 bits for value but received " + std::to_string(value));
  const Tensor out(std::move(device), std::move(shape), dtype);
  submit({}, {out}, [=] {
    if (dtype == DType::f32) {
      float* po = out.data<float>();
      const float number = static_cast<float>(value);
      mapFloats(out.device(), out.size(), po, [=] LATINO_DEVICE() { return number; });
    } else {
      auto* po = out.data<std::int64_t>();
      const auto number = static_cast<std::int64_t>(value);
      forEach(out.device(), out.size(), [=] LATINO_DEVICE(std::int64_t i) { po[i] = number; });
    }
  });
  return out;
}

Tensor randn(std::shared_ptr<Device> device, Shape shape, const std::vector<std::uint64_t>& seeds, std::uint64_t call) {
  const std::size_t images = static_cast<std::size_t>(shape.empty() ? 1 : shape[0]);
  if (seeds.size() != 1 && seeds.size() != images)
    throw ShapeError("Expected one seed or " + std::to_string(images) + " but received " + std::to_string(seeds.size()));
  const Tensor out(std::move(device), std::move(shape));
  submit({}, {out}, [=] {
    forParts(out, seeds.size(), [&](std::size_t image, std::int64_t first, std::int64_t n) {
      float* po = out.data<float>() + first;
      const std::uint64_t seed = seeds[image];
      forEach(out.device(), (n + 3) / 4, [=] LATINO_DEVICE(std::int64_t block) {
        const NormalBlock normal = normalBlock(seed, call, static_cast<std::uint64_t>(block));
        for (std::int64_t k = 0; k < 4 && 4 * block + k < n; ++k) po[4 * block + k] = normal.value[k];
      });
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
    sumRows(out.device(), images, n, po, [=] LATINO_DEVICE(std::int64_t row, std::int64_t i) {
      const double value = px[row * n + i];
      return value * value;
    });
    forEach(out.device(), images, [=] LATINO_DEVICE(std::int64_t i) { po[i] = sqrtf(po[i]); });
  });
  return out;
}

Tensor power(const Tensor& x, const PerImage& coefficient, double exponent) {
  requireFloats(x, "x");
  requirePerImage(coefficient, x, "coefficient");
  const Tensor out(x.sharedDevice(), x.shape());
  submit({x}, {out}, [=] {
    const float e = static_cast<float>(exponent);
    forParts(x, coefficient.size(), [&](std::size_t image, std::int64_t first, std::int64_t count) {
      const float* px = x.data<float>() + first;
      float* po = out.data<float>() + first;
      const float c = static_cast<float>(coefficient[image]);
      mapFloats(
          out.device(), count, po, [=] LATINO_DEVICE(float u) { return c * (e == 1.0F ? u : powf(u, e)); }, px);
    });
  });
  return out;
}

Tensor concatenate(const std::vector<Tensor>& tensors) {
  if (tensors.empty()) throw ArgumentError("Expected at least one tensor to concatenate but received none");
  const Tensor& first = tensors[0];
  if (first.rank() == 0) throw ShapeError("Expected tensors [N, ...] but received []");
  Shape shape = first.shape();
  shape[0] = 0;
  for (const Tensor& tensor : tensors) {
    const bool fits = tensor.rank() == shape.size() && std::equal(shape.begin() + 1, shape.end(), tensor.shape().begin() + 1);
    if (!fits || tensor.dtype() != first.dtype())
      throw ShapeError("Expected tensors of the type and shape of the first, " + toString(first.shape()) + ", but received " +
                       toString(tensor.shape()) + " of " + nameOf(tensor.dtype()));
    shape[0] += tensor.dim(0);
  }
  const Tensor out(first.sharedDevice(), shape, first.dtype());
  submit(tensors, {out}, [=] {
    auto* target = out.data<std::byte>();
    for (const Tensor& tensor : tensors) {
      copyBytes(out.device(), tensor.data<void>(), target, tensor.bytes());
      target += tensor.bytes();
    }
  });
  return out;
}

Tensor joinLast(const Tensor& x, const Tensor& y) {
  requireFloats(x, "x");
  requireFloats(y, "y");
  const bool fits = x.rank() >= 1 && x.rank() == y.rank() && std::equal(x.shape().begin(), x.shape().end() - 1, y.shape().begin());
  if (!fits)
    throw ShapeError("Expected tensors alike in all but the last axis but received " + toString(x.shape()) + " and " + toString(y.shape()));
  const std::int64_t a = x.shape().back(), b = y.shape().back();
  Shape shape = x.shape();
  shape.back() = a + b;
  const Tensor out(x.sharedDevice(), shape);
  submit({x, y}, {out}, [=] {
    const float *px = x.data<float>(), *py = y.data<float>();
    float* po = out.data<float>();
    forEach(out.device(), out.size(), [=] LATINO_DEVICE(std::int64_t i) {
      const std::int64_t row = i / (a + b), at = i % (a + b);
      po[i] = at < a ? px[row * a + at] : py[row * b + at - a];
    });
  });
  return out;
}

Tensor slice(const Tensor& x, std::int64_t from, std::int64_t to) {
  if (x.rank() == 0) throw ShapeError("Expected a tensor [N, ...] but received []");
  if (from < 0 || to < from || to > x.dim(0))
    throw ShapeError("Expected images within 0 to " + std::to_string(x.dim(0)) + " but received " + std::to_string(from) + " to " +
                     std::to_string(to));
  Shape shape = x.shape();
  shape[0] = to - from;
  const Tensor out(x.sharedDevice(), shape, x.dtype());
  submit({x}, {out}, [=] {
    const std::size_t bytes = out.dim(0) == 0 ? 0 : out.bytes() / static_cast<std::size_t>(out.dim(0));
    copyBytes(out.device(), x.data<std::byte>() + static_cast<std::size_t>(from) * bytes, out.data<void>(), out.bytes());
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
    forEach(out.device(), out.size(), [=] LATINO_DEVICE(std::int64_t i) {
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
