#include <cmath>
#include <utility>

#include "kernels/elementwise.h"
#include "kernels/launch.h"
#include "linalg/fft.h"
#include "operators/circular_basis.h"
#include "operators/framed_convolution.h"
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

/// Any kernel with any boundary. A Aᵀ has no closed-form basis here: the proximal point comes from conjugate gradients on
/// (A Aᵀ + 1/gamma) w = y - A z, preconditioned by the same equations with a circular boundary.
class Convolution final : public Operator {
 public:
  Convolution(const std::shared_ptr<Device>& device, const Taps& taps, std::int64_t height, std::int64_t width, std::int64_t factor,
              Boundary boundary)
      : height_(height),
        width_(width),
        factor_(factor),
        circular_(device, taps, height, width, factor),
        convolution_(device, taps, height, width, factor, boundary) {}

  std::vector<Tensor> tables() const override {
    std::vector<Tensor> tables = reading(circular_.tensors());
    for (const Tensor& tensor : circular_.spectrum().tensors()) tables.push_back(tensor);
    return tables;
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
    submit(reading({x}), {y}, [*this, x, y] { convolution_.forward(y.device(), x.dim(0) * x.dim(1), x.data<float>(), y.data<float>()); });
    return y;
  }
  Tensor adjoint(const Tensor& y) const override {
    const Tensor x(y.sharedDevice(), imageShape(y.shape()));
    submit(reading({y}), {x}, [*this, x, y] { convolution_.adjoint(x.device(), y.dim(0) * y.dim(1), y.data<float>(), x.data<float>()); });
    return x;
  }
  Tensor proxFromResidual(const Tensor& z, const Tensor& residual, const Scalar& gamma) const override {
    requireShape(residual.shape(), measurementShape(z.shape()), "a residual");
    requireGamma(gamma, z.dim(0));
    const Tensor out(z.sharedDevice(), z.shape());
    std::vector<Tensor> inputs = reading({z, residual, gamma.tensor});
    for (const Tensor& tensor : circular_.tensors()) inputs.push_back(tensor);
    submit(inputs, {out}, [*this, z, residual, gamma, out] {
      const std::int64_t measured = residual.size() / residual.dim(0), pixels = z.size() / z.dim(0);
      const ScalarRef all = gamma.ref();
      for (std::int64_t image = 0; image < z.dim(0); ++image) {
        const ScalarRef own{all.perImage ? all.pointer + image : all.pointer, all.value, false};
        solve(out.device(), z.dim(1), own, residual.data<float>() + image * measured, z.data<float>() + image * pixels,
              out.data<float>() + image * pixels);
      }
    });
    return out;
  }
  /// Both step rules look at the residual in the basis of the circular operator, which differs at the border only.
  Tensor errorVariance(const Tensor& residual, const PerImage& sigma, double floor) const override {
    return circular_.spectrum().errorVariance(fourier(residual), sigma, floor);
  }
  Tensor discrepancyGamma(const Tensor& residual, const PerImage& sigma) const override {
    return circular_.spectrum().discrepancyGamma(fourier(residual), sigma);
  }

 private:
  std::vector<Tensor> reading(std::vector<Tensor> inputs) const {
    for (const Tensor& tensor : convolution_.tensors()) inputs.push_back(tensor);
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
  /// out = a · b, on the device.
  static void dot(Device& device, std::int64_t n, const double* a, const double* b, double* out) {
    sumRows(device, 1, n, out, [=] LATINO_HOST_DEVICE(std::int64_t, std::int64_t i) { return a[i] * b[i]; });
  }

  /// out = start + Aᵀ (A Aᵀ + 1/gamma)⁻¹ b for one image. The iteration is in double: in float32 its directions lose their conjugacy long
  /// before the tolerance is reached, and what it finds may be so large that float32 would spoil what Aᵀ leaves of it. Its scalars stay on
  /// the device; the host only looks whether it is done.
  void solve(Device& device, std::int64_t channels, ScalarRef gamma, const float* b, const float* start, float* out) const {
    const std::int64_t h = height_ / factor_, width = width_ / factor_, n = channels * h * width, pixels = channels * height_ * width_;
    const auto doubles = [&device](std::int64_t count) { return Scratch(device, 2 * count); };
    const Scratch solution = doubles(n), residual = doubles(n), direction = doubles(n), conditioned = doubles(n), product = doubles(n),
                  image = doubles(pixels), scalars = doubles(5);
    const Scratch narrow(device, n), spectrum(device, channels * h * halfWidth(width) * 2);
    const auto as = [](const Scratch& scratch) { return reinterpret_cast<double*>(scratch.data()); };
    double *s = as(solution), *r = as(residual), *p = as(direction), *z = as(conditioned), *q = as(product), *x = as(image);
    double *left = as(scalars), *curvature = left + 1, *rz = left + 2, *before = left + 3,
           *size = left + 4;  // r·r, p·q, r·z, the last r·z, |r|
    float* f = narrow.data();
    const auto condition = [&] {
      // Scaled to its largest size, so that the float32 transform stays clear of subnormal numbers.
      forEach(device, 1, [=] LATINO_HOST_DEVICE(std::int64_t) { size[0] = sqrt(left[0]); });
      forEach(device, n, [=] LATINO_HOST_DEVICE(std::int64_t i) { f[i] = size[0] > 0 ? static_cast<float>(r[i] / size[0]) : 0; });
      rfft2(device, channels, h, width, f, spectrum.data());
      circular_.shrink(device, channels, channels, gamma, kPreconditionerFloor, spectrum.data());
      irfft2(device, channels, h, width, spectrum.data(), f);
      forEach(device, n, [=] LATINO_HOST_DEVICE(std::int64_t i) { z[i] = size[0] * f[i]; });
    };
    forEach(device, n, [=] LATINO_HOST_DEVICE(std::int64_t i) {
      s[i] = p[i] = 0;
      r[i] = b[i];
    });
    dot(device, n, r, r, left);
    double reached = hostValue(device, left);
    const double target = kTolerance * kTolerance * reached;
    for (int iteration = 0; iteration < kMaxIterations && reached > target; ++iteration) {
      condition();
      std::swap(rz, before);
      dot(device, n, r, z, rz);
      const bool first = iteration == 0;
      forEach(device, n,
              [=] LATINO_HOST_DEVICE(std::int64_t i) { p[i] = z[i] + (first || before[0] == 0 ? 0 : rz[0] / before[0] * p[i]); });
      convolution_.adjoint(device, channels, static_cast<const double*>(p), x);
      convolution_.forward(device, channels, static_cast<const double*>(x), q);
      forEach(device, n, [=] LATINO_HOST_DEVICE(std::int64_t i) { q[i] += p[i] / gamma(0); });
      dot(device, n, p, q, curvature);
      forEach(device, n, [=] LATINO_HOST_DEVICE(std::int64_t i) {
        const double step = curvature[0] == 0 ? 0 : rz[0] / curvature[0];  // nothing is left
        s[i] += step * p[i];
        r[i] -= step * q[i];
      });
      dot(device, n, r, r, left);
      if ((iteration + 1) % kIterationsBetweenChecks == 0) reached = hostValue(device, left);
    }
    // Written so that a residual that is not a number fails, too.
    if (!(reached <= target)) {
      const float weight = gamma.pointer == nullptr ? gamma.value : hostValue(device, gamma.pointer);
      throw ConvergenceError("Expected the proximal point of a convolution within " + std::to_string(kMaxIterations) +
                             " iterations but they did not converge for gamma " + std::to_string(weight) +
                             ": are all values finite, and is sigma not too small?");
    }
    convolution_.adjoint(device, channels, static_cast<const double*>(s), x);
    forEach(device, pixels, [=] LATINO_HOST_DEVICE(std::int64_t i) { out[i] = static_cast<float>(start[i] + x[i]); });
  }

 private:
  std::int64_t height_, width_, factor_;
  CircularBasis circular_;
  FramedConvolution convolution_;
};

}  // namespace

std::shared_ptr<Operator> makeConvolution(std::shared_ptr<Device> device, Taps taps, std::int64_t height, std::int64_t width,
                                          std::int64_t factor, Boundary boundary) {
  requireTaps(taps, height, width, factor);
  return std::make_shared<Convolution>(device, taps, height, width, factor, boundary);
}

}  // namespace latino
