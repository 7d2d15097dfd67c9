// What a thread computes with between reading and writing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/host_vector.h"

namespace latino::layers {

/// Room for `count` floats in a vector of the thread's own, which keeps it between runs.
inline float* scratch(HostVector<float>& memory, std::int64_t count) {
  if (static_cast<std::int64_t>(memory.size()) < count) memory.resize(static_cast<std::size_t>(count));
  return memory.data();
}

}  // namespace latino::layers
