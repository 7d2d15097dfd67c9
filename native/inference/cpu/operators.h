// Our kernels as operators of ONNX Runtime's CPU provider, domain 'latino.cpu'. What they compute is in winograd.h, linear.h and
// group_norm.h:
//
//   Conv3x3(x, bias?, residual?, shift?) -> y      attributes: activation (0 none, 1 relu, 2 silu, 3 gelu, 4 quick gelu), upsample (0, 1),
//   transposed (0, 1) GroupNorm(x, scale, bias) -> y         attributes: groups, epsilon, activation Linear(x, bias?, residual?) -> y
//   attributes: from, to (0 tokens, 1 image), activation, gated (0, 1), transposed (0, 1)
#pragma once

#include <memory>
#include <vector>

#include "inference/ort_api.h"
#include "inference/session.h"

namespace latino::cpu {

/// The operators of one session; they outlive it.
class Operators {
 public:
  /// `weights`: those that kernels name in their attributes. They are read when a kernel first runs, and not kept as they are.
  explicit Operators(std::vector<WeightSource> weights);
  ~Operators();

  /// Makes the operators known to a session that is being configured.
  void addTo(ort::SessionOptions* settings) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace latino::cpu
