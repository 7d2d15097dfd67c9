// How a kernel shares its work among the threads of whoever calls it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace latino::cpu {

/// Runs task(0) ... task(count - 1), perhaps side by side.
using ParallelFor = std::function<void(std::size_t count, const std::function<void(std::size_t)>& task)>;

/// Scratch of one thread, kept between runs.
inline float* scratch(std::vector<float>& memory, std::int64_t count) {
  if (static_cast<std::int64_t>(memory.size()) < count) memory.resize(static_cast<std::size_t>(count));
  return memory.data();
}

}  // namespace latino::cpu
