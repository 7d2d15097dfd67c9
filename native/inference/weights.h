// Weights that are widened to float32 before ONNX Runtime sees them.
#pragma once

#include <vector>

#include "inference/session.h"

namespace latino {

/// Reads a weight from its file or its bytes. Throws ModelError.
std::vector<float> readWeight(const WeightSource& source);

}  // namespace latino
