// How a kernel shares its work among the threads of whoever calls it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace latino::layers {

/// Runs task(0) ... task(count - 1), perhaps side by side.
using ParallelFor = std::function<void(std::size_t count, const std::function<void(std::size_t)>& task)>;

}  // namespace latino::layers
