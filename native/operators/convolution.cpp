#include <utility>

#include "kernels/launch.h"
#include "linalg/fft.h"
#include "operators/circular_basis.h"
#include "operators/conjugate_gradients.h"
#include "operators/framed_convolution.h"
#include "operators/image_shape.h"
#include "operators/padded_inverse.h"
#include "operators/spectral_operator.h"
#include "operators/visible_solver.h"
#include "tensor/scratch.h"

namespace latino {

namespace {

/// Of |y - A z|, where a proximal point is to be exact.
constexpr double kExact = 1e-7;
/// Less noise than this may be as little as what float32 leaves of a residual where gamma is as large as it is then: the iteration is in
/// double.
constexpr double kLeastNoise = 0.003;
/// How far it goes then: of the root mean square of what is left unknown.
constexpr double kVisible = 0.007;

/// Any kernel with any boundary. A Aᵀ has no closed-form basis here: the proximal point comes from conjugate gradients on
/// (A Aᵀ + 1/gamma) w = y - A z, preconditioned by the same equations on a frame with a circular boundary. Both step rules look at the
/// residual in the basis of the circular operator, which differs at the border only.
class Convolution final : public SpectralOperator {
 public:
  Convolution(const std::shared_ptr<Device>& device, const Taps& taps, std::int64_t height, std::int64_t width, std::int64_t factor,
              Boundary boundary)
      : SpectralOperator({device, height / factor * halfWidth(width / factor), 2}),
        height_(height),
        width_(width),
        factor_(factor),
        inverse_(device, taps, height, width, factor),
        convolution_(device, taps, height, width, factor, boundary),
        visible_(device, taps, height, width, factor, boundary) {
    submit({}, spectrum().tensors(), [spectrum = spectrum(), taps, height, width, factor] {
      const auto [eigenvalues, multiplicities] = eigenvaluesOf(transferOf(taps, height, width), height, width, factor);
      spectrum.fill(eigenvalues, multiplicities);
    });
  }

  std::vector<Tensor> tables() const override { return tablesWith(reading(solving({}))); }
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
  Tensor proxFromResidual(const Tensor& z, const Tensor& residual, const Scalar& gamma, const PerImage& sigma) const override {
    requireShape(residual.shape(), measurementShape(z.shape()), "a residual");
    requireGamma(gamma, z.dim(0));
    requireSigma(sigma, z.dim(0));
    const Tensor out(z.sharedDevice(), z.shape());
    submit(reading(solving({z, residual, gamma.tensor})), {out}, [*this, z, residual, gamma, sigma, out] {
      const std::int64_t measured = residual.size() / residual.dim(0), pixels = z.size() / z.dim(0);
      const ScalarRef all = gamma.ref();
      for (std::int64_t image = 0; image < z.dim(0); ++image) {
        const ScalarRef own{all.perImage ? all.pointer + image : all.pointer, all.value, false};
        const double noise = sigma.empty() ? 0 : sigma[sigma.size() == 1 ? 0 : static_cast<std::size_t>(image)];
        const float *b = residual.data<float>() + image * measured, *start = z.data<float>() + image * pixels;
        float* point = out.data<float>() + image * pixels;
        if (noise >= kLeastNoise) {
          solveVisibly(out.device(), z.dim(1), own, noise, b, start, point);
        } else {
          solve(out.device(), z.dim(1), own, noise, b, start, point);
        }
      }
    });
    return out;
  }

 private:
  std::vector<Tensor> reading(std::vector<Tensor> inputs) const {
    for (const Tensor& tensor : convolution_.tensors()) inputs.push_back(tensor);
    return inputs;
  }

  std::vector<Tensor> solving(std::vector<Tensor> inputs) const {
    for (const Tensor& tensor : inverse_.tensors()) inputs.push_back(tensor);
    for (const Tensor& tensor : visible_.tensors()) inputs.push_back(tensor);
    return inputs;
  }

  Tensor coefficients(const Tensor& residual) const override {
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
    sumRows(device, 1, n, out, [=] LATINO_DEVICE(std::int64_t, std::int64_t i) { return a[i] * b[i]; });
  }

  /// out = start + Aᵀ (A Aᵀ + 1/gamma)⁻¹ b for one image, as exact as can be seen.
  void solveVisibly(Device& device, std::int64_t channels, ScalarRef gamma, double sigma, const float* b, const float* start,
                    float* out) const {
    const std::int64_t n = channels * (height_ / factor_) * (width_ / factor_), pixels = channels * height_ * width_;
    const Scratch solution(device, n);
    visible_.solve(device, channels, gamma, sigma, inverse_, b, solution.data());
    convolution_.adjoint(device, channels, static_cast<const float*>(solution.data()), out);
    forEach(device, pixels, [=] LATINO_DEVICE(std::int64_t i) { out[i] += start[i]; });
  }

  /// The same in double, where sigma is 0 as exactly as float32 can say it: in float32 directions lose their conjugacy long before that
  /// tolerance is reached, and what is found may be so large that float32 would spoil what Aᵀ leaves of it.
  void solve(Device& device, std::int64_t channels, ScalarRef gamma, double sigma, const float* b, const float* start, float* out) const {
    const std::int64_t n = channels * (height_ / factor_) * (width_ / factor_), pixels = channels * height_ * width_;
    const auto numbers = [&device](std::int64_t count) { return Scratch(device, 2 * count); };
    const Scratch solution = numbers(n), residual = numbers(n), direction = numbers(n), conditioned = numbers(n), product = numbers(n),
                  image = numbers(pixels), scalars = numbers(8), narrow(device, n), weights(device, inverse_.weightsSize());
    const auto as = [](const Scratch& scratch) { return reinterpret_cast<double*>(scratch.data()); };
    double *s = as(solution), *r = as(residual), *p = as(direction), *z = as(conditioned), *q = as(product), *x = as(image);
    // r·r, b·b, p·q, r·z, the last r·z, whether it is done, and the means of what is left unknown.
    double *left = as(scalars), *first = left + 1, *curvature = left + 2, *rz = left + 3, *before = left + 4, *state = left + 5,
           *unknown = left + 6;
    float* single = narrow.data();

    forEach(device, n, [=] LATINO_DEVICE(std::int64_t i) {
      s[i] = p[i] = 0;
      r[i] = b[i];
    });
    dot(device, n, r, r, first);
    forEach(device, 1, [=] LATINO_DEVICE(std::int64_t) { left[0] = first[0]; });
    inverse_.weights(device, gamma, PaddedInverse::Eigenvalues::trusted, weights.data());
    inverse_.meanUnknown(device, gamma, weights.data(), unknown);
    double reached = kIterating;
    for (int iteration = 0; iteration < kMaxIterations; ++iteration) {
      forEach(device, n, [=] LATINO_DEVICE(std::int64_t i) { single[i] = static_cast<float>(r[i]); });
      inverse_.apply(device, channels, weights.data(), single, single);
      forEach(device, n, [=] LATINO_DEVICE(std::int64_t i) { z[i] = single[i]; });
      std::swap(rz, before);
      dot(device, n, r, z, rz);
      const bool isFirst = iteration == 0;
      forEach(device, 1, [=] LATINO_DEVICE(std::int64_t) {
        double error = left[0], target = kExact * kExact * first[0];
        if (sigma > 0) {
          const double prior = gamma(0) * sigma * sigma;
          error = rz[0];
          target = kVisible * kVisible * unknown[0] * (prior < 1 ? prior : 1) * static_cast<double>(n);
        }
        const bool isDone = !isFirst && state[0] == kDone;
        state[0] = error - error != 0 ? kFailed : isDone || error <= target ? kDone : kIterating;
      });
      if (iteration % kIterationsBetweenChecks == 0) {
        reached = hostValue(device, state);
        if (reached != kIterating) break;
      }
      forEach(device, n, [=] LATINO_DEVICE(std::int64_t i) { p[i] = z[i] + (isFirst || before[0] == 0 ? 0 : rz[0] / before[0] * p[i]); });
      convolution_.adjoint(device, channels, static_cast<const double*>(p), x);
      convolution_.forward(device, channels, static_cast<const double*>(x), q);
      forEach(device, n, [=] LATINO_DEVICE(std::int64_t i) { q[i] += p[i] / gamma(0); });
      dot(device, n, p, q, curvature);
      forEach(device, n, [=] LATINO_DEVICE(std::int64_t i) {
        // Once it is done it stays where it is, however long the host takes to see that.
        const double step = curvature[0] == 0 || state[0] == kDone ? 0 : rz[0] / curvature[0];
        s[i] += step * p[i];
        r[i] -= step * q[i];
      });
      dot(device, n, r, r, left);
    }
    requireConverged(device, reached, gamma);
    convolution_.adjoint(device, channels, static_cast<const double*>(s), x);
    forEach(device, pixels, [=] LATINO_DEVICE(std::int64_t i) { out[i] = static_cast<float>(start[i] + x[i]); });
  }

 private:
  std::int64_t height_, width_, factor_;
  PaddedInverse inverse_;
  FramedConvolution convolution_;
  VisibleSolver visible_;
};

}  // namespace

std::shared_ptr<Operator> makeConvolution(std::shared_ptr<Device> device, Taps taps, std::int64_t height, std::int64_t width,
                                          std::int64_t factor, Boundary boundary) {
  requireTaps(taps, height, width, factor);
  return std::make_shared<Convolution>(device, taps, height, width, factor, boundary);
}

}  // namespace latino
