// How far rounding may take a float32 result from the true one, on any processor.
#pragma once

#include <cstdint>

namespace latino {

/// Bound of the error of a float32 sum of `terms` products, summed in any order and in blocks of any size, whose magnitudes sum to
/// `magnitude` (Higham 2002, section 3.1; one more rounding for each factor that was rounded to float32 before).
inline double roundingOfSum(std::int64_t terms, double magnitude) { return static_cast<double>(terms + 2) * 0x1p-24 * magnitude; }

}  // namespace latino
