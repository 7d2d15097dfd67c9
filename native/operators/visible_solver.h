// What the proximal point of a convolution wants solved, as exactly as can be seen.
#pragma once

#include "operators/border_strips.h"
#include "operators/padded_inverse.h"

namespace latino {

/// (A Aᵀ + 1/gamma)⁻¹ b by conjugate gradients, of which only what is near the border is computed.
///
/// The preconditioner M⁻¹ (PaddedInverse) is the inverse of A Aᵀ + 1/gamma everywhere but in a band along the border. What M makes of a
/// direction is therefore a multiple of b, and something in the band; so is every residual and every product with A Aᵀ + 1/gamma:
///   r = r̂ + kappa b,   p = M⁻¹ (v̂ + pi b),   A Aᵀ p + p/gamma = q̂ + pi b.
/// Vectors with a hat live in the band, and the directions are wanted only as far as the band sees. Of an iteration over the whole picture
/// the two transforms of M⁻¹ r̂ are left.
class VisibleSolver {
 public:
  VisibleSolver(const std::shared_ptr<Device>& device, const Taps& taps, std::int64_t height, std::int64_t width, std::int64_t factor,
                Boundary boundary);

  std::vector<Tensor> tensors() const;

  /// (A Aᵀ + 1/gamma)⁻¹ b for `planes` planes of one image, where sigma is the standard deviation of the noise.
  void solve(Device& device, std::int64_t planes, ScalarRef gamma, double sigma, const PaddedInverse& inverse, const float* b,
             float* solution) const;

 private:
  std::int64_t measured_;  // pixels of a plane
  BorderStrips strips_;
};

}  // namespace latino
