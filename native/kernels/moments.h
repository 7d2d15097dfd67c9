// Means and variances of groups of channels, of which those of a whole image are made band by band.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace latino {

/// Of each image of x [N, C, ...] and each of `groups` groups of neighbouring channels: how many numbers there are, their mean and their
/// variance, [N, groups, 3]. Summed in double in a fixed order, whatever the number of threads.
Tensor groupMoments(const Tensor& x, std::int64_t groups);
/// Those of all parts together, of the moments [N, groups, 3] of each (Chan, Golub and LeVeque 1979).
Tensor pooledMoments(const std::vector<Tensor>& parts);

}  // namespace latino
