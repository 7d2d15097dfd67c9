// What conjugate gradients on a device have in common.
#pragma once

#include <string>

#include "kernels/launch.h"
#include "tensor/error.h"

namespace latino {

/// Hundreds are usual where gamma times the largest eigenvalue is a million.
inline constexpr int kMaxIterations = 5000;

/// What the device says of its iteration. The scalars stay there: it decides for itself when it is done, and the host only looks whether it
/// is.
inline constexpr double kIterating = 0, kLast = 1, kDone = 2, kFailed = 3;

/// Throws ConvergenceError unless it says that it is done.
inline void requireConverged(Device& device, double state, ScalarRef gamma) {
  if (state == kDone) return;
  const float weight = gamma.pointer == nullptr ? gamma.value : hostValue(device, gamma.pointer);
  throw ConvergenceError("Expected the proximal point of a convolution within " + std::to_string(kMaxIterations) +
                         " iterations but they did not converge for gamma " + std::to_string(weight) +
                         ": are all values finite, and is sigma not too small?");
}

}  // namespace latino
