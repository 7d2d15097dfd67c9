#include "kernels/calibration.h"

#include <cmath>
#include <string>

#include "kernels/launch.h"
#include "tensor/error.h"
#include "tensor/scratch.h"

namespace latino {

namespace {

/// Keeps a division by the distance defined; the authors' value (shared/golden/solver.json, projection).
constexpr float kTiny = 1e-8F;

void requireEmbedding(const Tensor& x, const char* name, const Shape& shape) {
  if (x.dtype() != DType::f32)
    throw ArgumentError(std::string("Expected a tensor of f32 for ") + name + " but received " + nameOf(x.dtype()));
  if (x.rank() != 3) throw ShapeError(std::string("Expected [N, tokens, channels] for ") + name + " but received " + toString(x.shape()));
  if (x.shape() != shape)
    throw ShapeError(std::string("Expected ") + name + " of shape " + toString(shape) + " but received " + toString(x.shape()));
}

}  // namespace

Tensor addNormalized(const Tensor& total, const Tensor& gradient, NormOver over, double scale, std::int64_t frozenTokens) {
  requireEmbedding(total, "total", total.shape());
  requireEmbedding(gradient, "gradient", total.shape());
  if (frozenTokens < 0) throw ArgumentError("Expected 0 or more for frozenTokens but received " + std::to_string(frozenTokens));
  const Tensor out(total.sharedDevice(), total.shape());
  submit({total, gradient}, {out}, [=] {
    Device& device = out.device();
    const float *before = total.data<float>(), *g = gradient.data<float>();
    float* po = out.data<float>();
    const std::int64_t tokens = out.dim(1), channels = out.dim(2);
    // A row is what has a norm of its own.
    const std::int64_t length = over == NormOver::token ? channels : tokens * channels, rows = length == 0 ? 0 : out.size() / length;
    if (rows == 0) return;
    const Scratch squares(device, rows);
    float* norms = squares.data();
    sumRows(device, rows, length, norms, [=] LATINO_DEVICE(std::int64_t row, std::int64_t i) {
      const std::int64_t at = row * length + i;
      const double value = at / channels % tokens < frozenTokens ? 0 : g[at];
      return value * value;
    });
    const float factor = static_cast<float>(scale);
    forEach(device, out.size(), [=] LATINO_DEVICE(std::int64_t i) {
      if (i / channels % tokens < frozenTokens) {
        po[i] = 0;
        return;
      }
      const float square = norms[i / length];
      po[i] = square > 0 ? before[i] + factor * g[i] / sqrtf(square) : before[i];
    });
  });
  return out;
}

Tensor moveWithinBalls(const Tensor& c, const Tensor& direction, double step, const Tensor& centre, double radius) {
  requireEmbedding(c, "c", c.shape());
  requireEmbedding(direction, "direction", c.shape());
  requireEmbedding(centre, "centre", c.shape());
  if (!(radius > 0)) throw ArgumentError("Expected a positive number for radius but received " + std::to_string(radius));
  const Tensor out(c.sharedDevice(), c.shape());
  submit({c, direction, centre}, {out}, [=] {
    Device& device = out.device();
    const float *pc = c.data<float>(), *pd = direction.data<float>(), *p0 = centre.data<float>();
    float* po = out.data<float>();
    const std::int64_t channels = out.dim(2), rows = channels == 0 ? 0 : out.size() / channels;
    if (rows == 0) return;
    const float eta = static_cast<float>(step), limit = static_cast<float>(radius);
    const Scratch squares(device, rows);
    float* moved = squares.data();
    sumRows(device, rows, channels, moved, [=] LATINO_DEVICE(std::int64_t row, std::int64_t i) {
      const std::int64_t at = row * channels + i;
      const double value = pc[at] + eta * pd[at] - p0[at];
      return value * value;
    });
    forEach(device, out.size(), [=] LATINO_DEVICE(std::int64_t i) {
      const float shrunk = limit / (sqrtf(moved[i / channels]) + kTiny);
      po[i] = p0[i] + (pc[i] + eta * pd[i] - p0[i]) * (shrunk < 1 ? shrunk : 1);
    });
  });
  return out;
}

}  // namespace latino
