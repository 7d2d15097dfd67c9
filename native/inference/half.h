#pragma once

#include <bit>
#include <cstdint>

namespace latino {

/// A number in half precision (IEEE 754 binary16), by its bits.
enum class Half : std::uint16_t {};

/// Shifts the half's exponent and fraction into a float's place and multiplies by 2^112, which also scales subnormal numbers right.
inline float widen(Half half) {
  const auto bits = static_cast<std::uint16_t>(half);
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16, magnitude = static_cast<std::uint32_t>(bits & 0x7FFFU) << 13;
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112F;
  const std::uint32_t special = magnitude >= 0x0F800000U ? 0x7F800000U | magnitude : std::bit_cast<std::uint32_t>(scaled);
  return std::bit_cast<float>(sign | special);
}

}  // namespace latino
