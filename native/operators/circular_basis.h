// The Fourier basis of a circular convolution followed by decimation: its transfer function and the eigenvalues of A Aᵀ.
#pragma once

#include <complex>

#include "operators/operator.h"
#include "operators/spectrum.h"

namespace latino {

/// Half spectrum of taps whose centre is the origin, on the host in double; taps past the border wrap around, as often as it takes.
std::vector<std::complex<double>> transferOf(const Taps& taps, std::int64_t height, std::int64_t width);

/// Of A Aᵀ in the half spectrum of measurements, with the number of real coefficients that each one stands for.
struct CircularEigenvalues {
  std::vector<double> values, multiplicities;
};
CircularEigenvalues eigenvaluesOf(const std::vector<std::complex<double>>& transfer, std::int64_t height, std::int64_t width,
                                  std::int64_t factor);

/// Everything here that takes pointers runs inside tasks that name tensors() among their inputs.
class CircularBasis {
 public:
  /// Fills the spectrum, of as many coefficients as measurements have, along with its own tables.
  CircularBasis(const std::shared_ptr<Device>& device, Taps taps, std::int64_t height, std::int64_t width, std::int64_t factor,
                const Spectrum& spectrum);

  std::int64_t lowHeight() const { return height_ / factor_; }
  std::int64_t lowWidth() const { return width_ / factor_; }
  std::vector<Tensor> tensors() const { return {transfer_, eigenvalues_}; }

  /// y = A x for `planes` planes; `adjoint` is its transpose.
  void forward(Device& device, std::int64_t planes, const float* x, float* y) const;
  void adjoint(Device& device, std::int64_t planes, const float* y, float* x) const;
  /// Half spectrum of y - A z. Without decimation it is formed frequency by frequency: a difference of images would carry the rounding
  /// of the strong frequencies into the weak ones, which a large gamma then amplifies.
  void residual(Device& device, std::int64_t planes, const float* z, const float* y, float* spectrum) const;
  /// Aᵀ times the shrunk residual: what the proximal operator adds to z.
  void correction(Device& device, std::int64_t planes, std::int64_t planesPerImage, ScalarRef gamma, const float* residual, float* x) const;

  /// Multiplies half spectra of images by the transfer function or its conjugate, in place.
  void multiply(Device& device, std::int64_t planes, bool conjugate, float* spectrum) const;

 private:
  std::int64_t height_, width_, factor_;
  Tensor transfer_;     // [H, W/2+1, 2]
  Tensor eigenvalues_;  // [h, w/2+1]
};

}  // namespace latino
