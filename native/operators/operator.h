// Measurement models y = A x + noise.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/scalar.h"
#include "linalg/matrix.h"
#include "tensor/tensor.h"

namespace latino {

/// A linear operator with its adjoint and its proximal operator.
///
/// Images are [N, C, H, W] float32. Every call enqueues and returns at once. A Aᵀ = U diag(lambda) Uᵀ; where an operator
/// has such a basis in closed form, `residual` returns Uᵀ(y - A z), with which the proximal point is
///   prox(z) = argmin_u gamma/2 |A u - y|² + 1/2 |u - z|² = z + Aᵀ U [gamma / (1 + gamma lambda)] Uᵀ (y - A z).
class Operator {
 public:
  virtual ~Operator() = default;

  /// What it holds on its device.
  virtual std::vector<Tensor> tables() const = 0;
  std::int64_t bytes() const;

  /// Does what takes the host seconds and is wanted once, before the first residual: decompositions. May be called on any thread, so that
  /// the device's queue need not do it, where the first residual leaves it otherwise. Throws CancelledError where that thread's work is
  /// cancelled.
  virtual void prepare() const {}

  /// Shape of a measurement of an image of this shape; throws ShapeError when the image does not fit.
  virtual Shape measurementShape(const Shape& image) const = 0;
  virtual Shape imageShape(const Shape& measurement) const = 0;

  virtual Tensor forward(const Tensor& x) const = 0;
  virtual Tensor adjoint(const Tensor& y) const = 0;

  /// Coefficients of y - A z in the eigenbasis of A Aᵀ, in a layout of the operator's own; y - A z itself where that basis is the pixels or
  /// none is used.
  virtual Tensor residual(const Tensor& z, const Tensor& y) const;
  /// The proximal point from z and residual(z, y); gamma is one number, or a device tensor [1] or [N].
  ///
  /// Where it has no closed form it is iterated: to rounding, or, with the standard deviation sigma of the measurements' noise, no further
  /// than can be seen: to a few hundredths, in the root mean square, of what that noise alone makes the proximal point wrong by. Throws
  /// ArgumentError for a sigma that is not positive and finite.
  Tensor proxFromResidual(const Tensor& z, const Tensor& residual, const Scalar& gamma) const {
    return proxFromResidual(z, residual, gamma, {});
  }
  virtual Tensor proxFromResidual(const Tensor& z, const Tensor& residual, const Scalar& gamma, const PerImage& sigma) const = 0;
  Tensor prox(const Tensor& z, const Tensor& y, const Scalar& gamma, const PerImage& sigma = {}) const {
    return proxFromResidual(z, residual(z, y), gamma, sigma);
  }

  /// Empirical-Bayes variance of the prior's error, [N]: the v >= floor that maximises the likelihood of
  /// A z - y ~ N(0, v A Aᵀ + sigma²). Found on the device. Throws ArgumentError unless sigma is positive.
  virtual Tensor errorVariance(const Tensor& residual, const PerImage& sigma, double floor) const = 0;
  /// Discrepancy principle, [N]: the gamma for which |A prox(z) - y|² = m sigma², m the number of measured values. Throws as above.
  virtual Tensor discrepancyGamma(const Tensor& residual, const PerImage& sigma) const = 0;
};

/// A = vertical ⊗ horizontal: y = vertical · x · horizontalᵀ per channel. Matrices are row-major [rows, columns] in double.
std::shared_ptr<Operator> makeSeparable(std::shared_ptr<Device> device, SparseMatrix vertical, SparseMatrix horizontal);

/// A convolution kernel [height, width] whose centre is the tap (centreY, centreX).
struct Taps {
  std::int64_t height = 0, width = 0, centreY = 0, centreX = 0;
  std::vector<double> values;
};
/// Circular true convolution on [.., H, W], then every factor-th pixel from index 0 (factor 1: no decimation). Exact prox by FFT.
std::shared_ptr<Operator> makeCircularConvolution(std::shared_ptr<Device> device, Taps taps, std::int64_t height, std::int64_t width,
                                                  std::int64_t factor);

/// Throws ArgumentError or ShapeError unless kernel, size and factor fit together.
void requireTaps(const Taps& taps, std::int64_t height, std::int64_t width, std::int64_t factor);

enum class Boundary { reflect, replicate, zero, circular };
/// True convolution with any boundary, then decimation; prox by preconditioned conjugate gradients (without sigma: relative residual 1e-7);
/// where they do not converge, the tensor's error is a ConvergenceError.
std::shared_ptr<Operator> makeConvolution(std::shared_ptr<Device> device, Taps taps, std::int64_t height, std::int64_t width,
                                          std::int64_t factor, Boundary boundary);

/// y = x where a pixel is seen, 0 where it is missing: `missing` [H, W] is anything but 0 there. What y holds at missing pixels is never
/// used.
std::shared_ptr<Operator> makeMask(std::shared_ptr<Device> device, std::int64_t height, std::int64_t width,
                                   std::vector<std::uint8_t> missing);
/// y = x.
std::shared_ptr<Operator> makeIdentity(std::shared_ptr<Device> device);
/// y[n, 0] = sum_c weights[c] x[n, c].
std::shared_ptr<Operator> makeChannelMix(std::shared_ptr<Device> device, std::vector<double> weights);

}  // namespace latino
