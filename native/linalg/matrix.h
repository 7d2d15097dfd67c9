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

/// Only what is not zero: row i has values[k] in column indices[k] for k from starts[i] to before starts[i + 1]. Values of one place add
/// up.
struct SparseMatrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<std::uint32_t> starts, indices;
  std::vector<double> values;

  Matrix dense() const;
  bool operator==(const SparseMatrix&) const = default;
};

/// M = vectors · diag(values) · vectorsᵀ of a symmetric M, values ascending.
struct SymmetricEigen {
  std::vector<double> values;
  Matrix vectors;
};

/// Eigen-decomposition of A Aᵀ; values below zero by rounding become zero. Takes seconds for thousands of rows: where the matrix looks the
/// same from both ends, as that of a symmetric filter does, it is taken apart into two of half the size, in a quarter of the time. Throws
/// CancelledError where the work is cancelled before, or between the two.
SymmetricEigen eigenOfGram(const Matrix& a);

}  // namespace latino
