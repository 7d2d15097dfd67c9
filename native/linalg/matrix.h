// Matrices on the host, in double.
#pragma once

#include <cstdint>
#include <vector>

namespace latino {

/// Row-major [rows, columns].
struct Matrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;

  double operator()(std::int64_t row, std::int64_t column) const { return values[static_cast<std::size_t>(row * columns + column)]; }
  Matrix transposed() const;
};

/// M = vectors · diag(values) · vectorsᵀ of a symmetric M, values ascending.
struct SymmetricEigen {
  std::vector<double> values;
  Matrix vectors;
};

/// Eigen-decomposition of A Aᵀ; values below zero by rounding become zero.
SymmetricEigen eigenOfGram(const Matrix& a);

}  // namespace latino
