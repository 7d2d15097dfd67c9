// Our kernels as operators of ONNX Runtime's CPU provider, domain 'latino.cpu'. What they compute is in winograd.h and group_norm.h:
//
//   Conv3x3(x, weight, bias?, residual?) -> y      attributes: activation (0 none, 1 relu, 2 silu), upsample (0, 1), transposed (0, 1)
//   GroupNorm(x, scale, bias) -> y                 attributes: groups, epsilon, activation
#pragma once

#include "inference/ort_api.h"

namespace latino::cpu {

/// Makes the operators known to a session that is being configured.
void addOperators(ort::SessionOptions* settings);

}  // namespace latino::cpu
