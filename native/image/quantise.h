// A value of a picture as files keep it.
#pragma once

#include <cstdint>
#include <limits>

namespace latino {

/// [-1, 1] to the whole range of an unsigned integer type, halves rounded up; what lies outside is clipped, NaN is 0.
template <class Integer>
Integer quantise(float value) {
  const double clipped = value > -1 ? (value < 1 ? static_cast<double>(value) : 1.0) : -1.0;
  const double scaled = (clipped + 1) / 2 * std::numeric_limits<Integer>::max();
  const auto whole = static_cast<std::int32_t>(scaled);
  return static_cast<Integer>(whole + (scaled - whole >= 0.5 ? 1 : 0));
}

}  // namespace latino
