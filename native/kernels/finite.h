// Looks for values that are no numbers.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>

#include "tensor/tensor.h"

namespace latino {

/// Calls `then`, which must not throw, with the number of values of a float32 tensor that are NaN or infinite, or with what went wrong; on
/// any thread. Inside tasks only.
void countNotFinite(const Tensor& x, std::function<void(std::int64_t count, std::exception_ptr error)> then);

}  // namespace latino
