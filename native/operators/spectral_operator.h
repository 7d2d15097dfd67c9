// What operators share whose step rules look at the spectrum of A Aᵀ.
#pragma once

#include "operators/operator.h"
#include "operators/spectrum.h"

namespace latino {

/// Both step rules are found in the basis in which A Aᵀ is diagonal, or nearly so.
class SpectralOperator : public Operator {
 public:
  std::vector<Tensor> tables() const override { return spectrum_.tensors(); }
  Tensor errorVariance(const Tensor& residual, const PerImage& sigma, double floor) const override {
    return spectrum_.errorVariance(coefficients(residual), sigma, floor);
  }
  Tensor discrepancyGamma(const Tensor& residual, const PerImage& sigma) const override {
    return spectrum_.discrepancyGamma(coefficients(residual), sigma);
  }

 protected:
  explicit SpectralOperator(Spectrum spectrum) : spectrum_(std::move(spectrum)) {}

  /// A residual in the basis of the spectrum, in which most operators have it already.
  virtual Tensor coefficients(const Tensor& residual) const { return residual; }
  const Spectrum& spectrum() const { return spectrum_; }
  /// The spectrum's tables and those of the operator's own.
  std::vector<Tensor> tablesWith(std::vector<Tensor> own) const {
    for (const Tensor& tensor : spectrum_.tensors()) own.push_back(tensor);
    return own;
  }

 private:
  Spectrum spectrum_;
};

}  // namespace latino
