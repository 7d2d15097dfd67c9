// How a matrix of channels lies in memory.
#pragma once

#include <cstdint>

namespace latino::layers {

/// [n, rows, channels] as tokens, or [n, channels, rows] as images, whose pixels are the rows.
enum class Layout : std::int64_t { tokens = 0, image = 1 };

}  // namespace latino::layers
