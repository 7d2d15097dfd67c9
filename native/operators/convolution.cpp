#include <cmath>

#include "kernels/elementwise.h"
#include "kernels/launch.h"
#include "linalg/fft.h"
#include "operators/circular_basis.h"
#include "operators/image_shape.h"
#include "tensor/error.h"
#include "tensor/scratch.h"

namespace latino {

namespace {

/// Hundreds are usual where gamma times the largest eigenvalue is a million.
constexpr int kMaxIterations = 5000;
/// Where the circular operator sees almost nothing, the true one sees a little through its border: the preconditioner must not trust
/// the circular eigenvalues below this part of the largest one.
constexpr float kPreconditionerFloor = 1e-2F;
constexpr double kTolerance = 1e-7;  // of |y - A z|

/// Index of the pixel that position i beyond the border stands for; -1 for a zero.
std::int64_t extended(std::int64_t i, std::int64_t n, Boundary boundary) {
  if (i >= 0 && i < n) return i;
  switch (boundary) {
    case Boundary::zero:
      return -1;
    case Boundary::replicate:
      return i < 0 ? 0 : n - 1;
    case Boundary::circular:
      return (i % n + n) % n;
    case Boundary::reflect: {
      if (n == 1) return 0;
      const std::int64_t period = 2 * n - 2, inside = (i % period + period) % period;
      return inside < n ? inside : period - inside;
    }
  }
  return -1;
}

/// For one axis: which (input, tap) pairs each output reads. The transposed table belongs to the adjoint.
struct AxisTable {
  Tensor starts;  // [outputs + 1] i64
  Tensor pairs;   // [total, 2] i64
};

std::vector<std::vector<std::int64_t>> readsOf(std::int64_t n, std::int64_t taps, std::int64_t centre, std::int64_t factor,
                                               Boundary boundary, bool adjoint) {
  std::vector<std::vector<std::int64_t>> reads(static_cast<std::size_t>(adjoint ? n : n / factor));
  for (std::int64_t i = 0; i < n / factor; ++i) {
    for (std::int64_t a = 0; a < taps; ++a) {
      const std::int64_t source = extended(factor * i - (a - centre), n, boundary);
      if (source < 0) continue;
      auto& list = reads[static_cast<std::size_t>(adjoint ? source : i)];
      list.insert(list.end(), {adjoint ? i : source, a});
    }
  }
  return reads;
}

/// Any kernel with any boundary. A Aᵀ has no closed-form basis here: the proximal point comes from conjugate gradients on
/// (A Aᵀ + 1/gamma) w = y - A z, preconditioned by the same equations with a circular boundary.
class Convolution final : public Operator {
 public:
  Convolution(const std::shared_ptr<Device>& device, const Kernel& kernel, std::int64_t height, std::int64_t width, std::int64_t factor,
              Boundary boundary)
      : height_(height),
        width_(width),
        factor_(factor),
        kernel_(kernel),
        circular_(device, kernel, height, width, factor),
        taps_(device, {kernel.height, kernel.width}) {
    const std::vector<float> narrow(kernel.taps.begin(), kernel.taps.end());
    submit({}, {taps_}, [taps = taps_, narrow] { taps.device().copyFromHost(taps.data<void>(), narrow.data(), taps.bytes()); });
    for (const bool adjoint : {false, true}) {
      rows_[adjoint] = tableOf(device, readsOf(height, kernel.height, kernel.centreY, factor, boundary, adjoint));
      columns_[adjoint] = tableOf(device, readsOf(width, kernel.width, kernel.centreX, factor, boundary, adjoint));
    }
  }

  Shape measurementShape(const Shape& image) const override {
    requireImage(image, height_, width_, "an image");
    return {image[0], image[1], height_ / factor_, width_ / factor_};
  }
  Shape imageShape(const Shape& measurement) const override {
    requireImage(measurement, height_ / factor_, width_ / factor_, "a measurement");
    return {measurement[0], measurement[1], height_, width_};
  }

  Tensor forward(const Tensor& x) const override {
    const Tensor y(x.sharedDevice(), measurementShape(x.shape()));
    submit(with({x}), {y}, [*this, x, y] { apply(y.device(), x.dim(0) * x.dim(1), false, x.data<float>(), y.data<float>()); });
    return y;
  }
  Tensor adjoint(const Tensor& y) const override {
    const Tensor x(y.sharedDevice(), imageShape(y.shape()));
    submit(with({y}), {x}, [*this, x, y] { apply(x.device(), y.dim(0) * y.dim(1), true, y.data<float>(), x.data<float>()); });
    return x;
  }
  Tensor residual(const Tensor& z, const Tensor& y) const override {
    requireShape(y.shape(), measurementShape(z.shape()), "a measurement");
    return linearCombination(1, y, -1, forward(z));
  }
  Tensor proxFromResidual(const Tensor& z, const Tensor& residual, const Scalar& gamma) const override {
    requireShape(residual.shape(), measurementShape(z.shape()), "a residual");
    requireGamma(gamma, z.dim(0));
    const Tensor out(z.sharedDevice(), z.shape());
    std::vector<Tensor> inputs = with({z, residual, gamma.tensor});
    for (const Tensor& tensor : circular_.tensors()) inputs.push_back(tensor);
    submit(inputs, {out}, [*this, z, residual, gamma, out] {
      const std::int64_t measured = residual.size() / residual.dim(0), pixels = z.size() / z.dim(0);
      for (std::int64_t image = 0; image < z.dim(0); ++image) {
        prox(out.device(), z.dim(1), gamma.ref()(image), residual.data<float>() + image * measured, z.data<float>() + image * pixels,
             out.data<float>() + image * pixels);
      }
    });
    return out;
  }
  /// Both step rules look at the residual in the basis of the circular operator, which differs at the border only.
  Tensor errorVariance(const Tensor& residual, double sigma, double floor) const override {
    return circular_.spectrum().errorVariance(fourier(residual), sigma, floor);
  }
  Tensor discrepancyGamma(const Tensor& residual, double sigma) const override {
    return circular_.spectrum().discrepancyGamma(fourier(residual), sigma);
  }

 private:
  static AxisTable tableOf(const std::shared_ptr<Device>& device, const std::vector<std::vector<std::int64_t>>& reads) {
    std::vector<std::int64_t> starts{0}, pairs;
    for (const auto& list : reads) {
      pairs.insert(pairs.end(), list.begin(), list.end());
      starts.push_back(static_cast<std::int64_t>(pairs.size() / 2));
    }
    const AxisTable table{{device, {static_cast<std::int64_t>(starts.size())}, DType::i64}, {device, {starts.back(), 2}, DType::i64}};
    submit({}, {table.starts, table.pairs}, [table, starts, pairs] {
      table.starts.device().copyFromHost(table.starts.data<void>(), starts.data(), table.starts.bytes());
      table.pairs.device().copyFromHost(table.pairs.data<void>(), pairs.data(), table.pairs.bytes());
    });
    return table;
  }

  std::vector<Tensor> with(std::vector<Tensor> inputs) const {
    inputs.push_back(taps_);
    for (const AxisTable* table : {&rows_[0], &rows_[1], &columns_[0], &columns_[1]})
      inputs.insert(inputs.end(), {table->starts, table->pairs});
    return inputs;
  }

  Tensor fourier(const Tensor& residual) const {
    const std::int64_t h = height_ / factor_, w = width_ / factor_;
    const Tensor spectrum(residual.sharedDevice(), {residual.dim(0), residual.dim(1), h, halfWidth(w), 2});
    submit({residual}, {spectrum}, [residual, spectrum, h, w] {
      rfft2(spectrum.device(), residual.dim(0) * residual.dim(1), h, w, residual.data<float>(), spectrum.data<float>());
    });
    return spectrum;
  }

 public:  // as nvcc asks of every function with a kernel in it
  template <class T>
  void apply(Device& device, std::int64_t planes, bool adjoint, const T* in, T* out) const {
    const std::int64_t fineH = height_, fineW = width_, coarseH = height_ / factor_, coarseW = width_ / factor_, tapColumns = kernel_.width;
    const std::int64_t inH = adjoint ? coarseH : fineH, inW = adjoint ? coarseW : fineW, outH = adjoint ? fineH : coarseH,
                       outW = adjoint ? fineW : coarseW;
    const auto *rowStarts = rows_[adjoint].starts.data<std::int64_t>(), *rowPairs = rows_[adjoint].pairs.data<std::int64_t>();
    const auto *columnStarts = columns_[adjoint].starts.data<std::int64_t>(), *columnPairs = columns_[adjoint].pairs.data<std::int64_t>();
    const float* taps = taps_.data<float>();
    forEach(
        device, planes * outH * outW,
        [=] LATINO_HOST_DEVICE(std::int64_t i) {
          const std::int64_t column = i % outW, row = i / outW % outH, plane = i / (outW * outH);
          T sum = 0;
          for (std::int64_t r = rowStarts[row]; r < rowStarts[row + 1]; ++r) {
            const T* line = in + (plane * inH + rowPairs[2 * r]) * inW;
            const float* weights = taps + rowPairs[2 * r + 1] * tapColumns;
            for (std::int64_t c = columnStarts[column]; c < columnStarts[column + 1]; ++c)
              sum += weights[columnPairs[2 * c + 1]] * line[columnPairs[2 * c]];
          }
          out[i] = sum;
        },
        1024);
  }

  static double dot(Device& device, std::int64_t n, const double* a, const double* b) {
    double sum = 0;
    sumRows(device, 1, n, &sum, [=] LATINO_HOST_DEVICE(std::int64_t, std::int64_t i) { return a[i] * b[i]; });
    return sum;
  }

  /// out = start + Aᵀ (A Aᵀ + 1/gamma)⁻¹ b for one image. The iteration is in double: in float32 its directions lose their conjugacy long
  /// before the tolerance is reached, and what it finds may be so large that float32 would spoil what Aᵀ leaves of it. Its scalars are read
  /// by the host, where on a CPU they are anyway.
  void prox(Device& device, std::int64_t channels, float gamma, const float* b, const float* start, float* out) const {
    const std::int64_t h = height_ / factor_, width = width_ / factor_, n = channels * h * width, pixels = channels * height_ * width_;
    const auto doubles = [&device](std::int64_t count) { return Scratch(device, 2 * count); };
    const Scratch solution = doubles(n), residual = doubles(n), direction = doubles(n), conditioned = doubles(n), product = doubles(n),
                  image = doubles(pixels);
    const Scratch narrow(device, n), spectrum(device, channels * h * halfWidth(width) * 2);
    const auto as = [](const Scratch& scratch) { return reinterpret_cast<double*>(scratch.data()); };
    double *s = as(solution), *r = as(residual), *p = as(direction), *z = as(conditioned), *q = as(product), *x = as(image);
    float* f = narrow.data();
    const auto condition = [&] {
      // Scaled to its largest size, so that the float32 transform stays clear of subnormal numbers.
      const double scale = std::sqrt(dot(device, n, r, r));
      forEach(device, n, [=] LATINO_HOST_DEVICE(std::int64_t i) { f[i] = static_cast<float>(r[i] / scale); });
      rfft2(device, channels, h, width, f, spectrum.data());
      circular_.shrink(device, channels, channels, {nullptr, gamma, false}, kPreconditionerFloor, spectrum.data());
      irfft2(device, channels, h, width, spectrum.data(), f);
      forEach(device, n, [=] LATINO_HOST_DEVICE(std::int64_t i) { z[i] = scale * f[i]; });
    };
    forEach(device, n, [=] LATINO_HOST_DEVICE(std::int64_t i) {
      s[i] = 0;
      r[i] = b[i];
    });
    double rz = 0, left = dot(device, n, r, r);
    const double target = kTolerance * kTolerance * left;
    for (int iteration = 0; iteration < kMaxIterations && left > target; ++iteration) {
      condition();
      const double next = dot(device, n, r, z), beta = iteration == 0 ? 0 : next / rz;
      rz = next;
      forEach(device, n, [=] LATINO_HOST_DEVICE(std::int64_t i) { p[i] = z[i] + (beta == 0 ? 0 : beta * p[i]); });
      apply(device, channels, true, static_cast<const double*>(p), x);
      apply(device, channels, false, static_cast<const double*>(x), q);
      forEach(device, n, [=] LATINO_HOST_DEVICE(std::int64_t i) { q[i] += p[i] / gamma; });
      const double alpha = rz / dot(device, n, p, q);
      forEach(device, n, [=] LATINO_HOST_DEVICE(std::int64_t i) {
        s[i] += alpha * p[i];
        r[i] -= alpha * q[i];
      });
      left = dot(device, n, r, r);
    }
    // Written so that a residual that is not a number fails, too.
    if (!(left <= target)) {
      throw ConvergenceError("Expected the proximal point of a convolution within " + std::to_string(kMaxIterations) +
                             " iterations but they did not converge for gamma " + std::to_string(gamma) +
                             ": are all values finite, and is sigma not too small?");
    }
    apply(device, channels, true, static_cast<const double*>(s), x);
    forEach(device, pixels, [=] LATINO_HOST_DEVICE(std::int64_t i) { out[i] = static_cast<float>(start[i] + x[i]); });
  }

 private:
  std::int64_t height_, width_, factor_;
  Kernel kernel_;
  CircularBasis circular_;
  Tensor taps_;
  AxisTable rows_[2], columns_[2];  // [1]: the adjoint's
};

}  // namespace

std::shared_ptr<Operator> makeConvolution(std::shared_ptr<Device> device, Kernel kernel, std::int64_t height, std::int64_t width,
                                          std::int64_t factor, Boundary boundary) {
  requireKernel(kernel, height, width, factor);
  return std::make_shared<Convolution>(device, kernel, height, width, factor, boundary);
}

}  // namespace latino
