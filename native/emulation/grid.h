// The threads of a launch.
#pragma once

#include <vector_types.h>

#include <cstddef>
#include <functional>

namespace latino::emulation {

/// That threads of a block can share.
inline constexpr std::size_t kSharedBytes = std::size_t{48} << 10;

/// Runs `thread` once for each thread of each block, blocks and threads in an order that nobody should count on. Threads that meet at a
/// barrier wait for each other; where some never come the process ends.
/// What threads of a block share begins as NaN.
void runGrid(const std::function<void()>& thread, dim3 grid, dim3 block, std::size_t sharedBytes);

}  // namespace latino::emulation
