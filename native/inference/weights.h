// Weights that are widened to float32 before ONNX Runtime sees them.
#pragma once

#include <vector>

#include "inference/session.h"

namespace latino {

/// Throws the ModelError of a weight that cannot be read, without reading it.
void checkWeight(const WeightSource& source);
/// Reads a weight from its file or its bytes. Throws ModelError.
std::vector<float> readWeight(const WeightSource& source);

}  // namespace latino
