// What the step rules need of an operator: the residual's power, and the eigenvalues of A Aᵀ that belong to it.
#pragma once

#include <vector>

#include "kernels/scalar.h"
#include "tensor/tensor.h"

namespace latino {

/// The eigenvalues of A Aᵀ for the coefficients of one plane, gathered into bins of nearly equal ones: a step rule then iterates
/// over some hundred bins instead of all coefficients.
class Spectrum {
 public:
  /// `count` coefficients a plane, each of `components` floats (2 for complex ones).
  Spectrum(const std::shared_ptr<Device>& device, std::int64_t count, std::int64_t components);

  /// Inside a task that has tensors() among its outputs. `multiplicities` says how many real coefficients each one stands for: 1, 2
  /// for a complex one whose conjugate is not stored, 0 for one that is not measured.
  void fill(const std::vector<double>& eigenvalues, const std::vector<double>& multiplicities) const;
  std::vector<Tensor> tensors() const { return {order_, segments_, starts_, multiplicities_, bins_}; }

  /// See Operator::errorVariance and Operator::discrepancyGamma; residual is [N, planes..., count * components].
  Tensor errorVariance(const Tensor& residual, const PerImage& sigma, double floor) const;
  Tensor discrepancyGamma(const Tensor& residual, const PerImage& sigma) const;

  /// [N, bins]: the residual's power in each bin. (Public, as nvcc asks of every function with a kernel in it.)
  Tensor powerOf(const Tensor& residual) const;

 private:
  std::int64_t planesOf(const Tensor& residual) const;

  std::int64_t count_, components_;
  Tensor order_;           // [count] i64: coefficients, sorted by bin
  Tensor segments_;        // [.., 2] i64: parts of order_ within a bin, first and one past the last
  Tensor starts_;          // [bins + 1] i64: where each bin begins in segments_
  Tensor multiplicities_;  // [count] f32
  Tensor bins_;            // [bins, 2] f32: mean eigenvalue, sum of multiplicities
};

}  // namespace latino
