// Rows of images that lie in bands, one below another.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace latino {

/// Rows from, ..., to - 1 of what the bands [N, C, h_i, W] make when they are laid one below another: [N, C, to - from, W].
Tensor rows(const std::vector<Tensor>& bands, std::int64_t from, std::int64_t to);

}  // namespace latino
