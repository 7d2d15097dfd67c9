// How many groups hold a number of things.
#pragma once

#include <cstdint>

namespace latino {

/// Of b each; a at least 0.
constexpr std::int64_t ceilDivide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace latino
