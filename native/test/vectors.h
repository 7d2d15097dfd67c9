// Sums over vectors, in double.
#pragma once

#include <cmath>
#include <numeric>
#include <vector>

namespace latino {

inline double dot(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// The Euclidean norm.
inline double length(const std::vector<float>& a) { return std::sqrt(dot(a, a)); }

}  // namespace latino
