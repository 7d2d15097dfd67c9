// Looks for values that are no numbers.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace latino {

/// How many values of a float32 tensor are NaN or infinite; inside tasks only.
std::int64_t countNotFinite(const Tensor& x);

}  // namespace latino
