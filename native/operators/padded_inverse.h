// The preconditioner of a convolution's proximal operator.
#pragma once

#include "kernels/launch.h"
#include "linalg/fft.h"
#include "operators/operator.h"

namespace latino {

/// P (C Cᵀ + 1/gamma)⁻¹ Pᵀ: measurements are put into a frame of zeros, the equations of the circular convolution C on that frame are
/// solved, and the measurements cut out again. Inside, C is the convolution itself; the frame is so wide that opposite borders do not see
/// each other, and its size one that transforms are fast at. (The inverse of a Toeplitz matrix embedded in a circulant one: Hanke and Nagy
/// 1998.)
///
/// Everything here that takes pointers runs inside tasks that name tensors() among their inputs.
class PaddedInverse {
 public:
  /// For measurements of images [height, width].
  PaddedInverse(const std::shared_ptr<Device>& device, const Taps& taps, std::int64_t height, std::int64_t width, std::int64_t factor);

  std::vector<Tensor> tensors() const { return {eigenvalues_}; }

  /// Whether its smallest eigenvalues are as they are, or those that rounding to float32 leaves right, where what it makes is iterated to
  /// more than can be seen.
  enum class Eigenvalues { all, trusted };

  std::int64_t weightsSize() const { return eigenvalues_.size(); }
  /// gamma / (1 + gamma lambda), for `apply`.
  void weights(Device& device, ScalarRef gamma, Eigenvalues which, float* weights) const;
  /// `planes` planes of one image, r to z.
  void apply(Device& device, std::int64_t planes, const float* weights, const float* r, float* z) const {
    filterInFrame(device, planes, size_, frame_, weights, r, z);
  }

  /// The same where r is zero but along the border, and z is wanted only there: so many rows and columns of it. What else z holds is any
  /// number.
  void applyAlongBorder(Device& device, std::int64_t planes, Extent depth, const float* weights, const float* r, float* z) const {
    filterInFrame(device, planes, size_, frame_, weights, r, z, depth);
  }

  /// The means of u = 1 / (1 + gamma lambda), which is the part of the prior's variance that a measurement leaves, and of u², on the
  /// device; from the weights of all eigenvalues.
  void meanUnknown(Device& device, ScalarRef gamma, const float* weights, double* means) const;

 private:
  Extent size_, frame_;
  float smallest_;      // of the eigenvalues that are trusted
  Tensor eigenvalues_;  // [frame height, frame width / 2 + 1]: of C Cᵀ
};

}  // namespace latino
