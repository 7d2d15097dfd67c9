// A layer's split, on the caller's thread alone.
#pragma once

#include <cstddef>
#include <functional>

#include "inference/layers/parallel.h"

namespace latino::layers {

inline const ParallelFor kSerial = [](std::size_t count, const std::function<void(std::size_t)>& task) {
  for (std::size_t i = 0; i < count; ++i) task(i);
};

}  // namespace latino::layers
