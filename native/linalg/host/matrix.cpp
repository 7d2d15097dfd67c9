#include "linalg/matrix.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "tensor/cancellation.h"
#include "tensor/error.h"

namespace latino {

namespace {
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
}

Matrix SparseMatrix::dense() const {
  Matrix matrix{rows, columns, std::vector<double>(static_cast<std::size_t>(rows * columns))};
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    for (std::size_t k = starts[i]; k < starts[i + 1]; ++k) matrix.values[i * static_cast<std::size_t>(columns) + indices[k]] += values[k];
  }
  return matrix;
}

Matrix Matrix::transposed() const {
  Matrix result{columns, rows, std::vector<double>(values.size())};
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) result.values[static_cast<std::size_t>(j * rows + i)] = (*this)(i, j);
  }
  return result;
}

namespace {

/// A Aᵀ over the ranges of the rows that are not zero.
Eigen::MatrixXd gramOf(const Matrix& a) {
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  for (std::int64_t i = 0; i < a.rows; ++i) {
    std::int64_t first = 0, last = a.columns;
    while (first < last && a(i, first) == 0) ++first;
    while (last > first && a(i, last - 1) == 0) --last;
    ranges.emplace_back(first, last);
  }
  Eigen::MatrixXd gram(a.rows, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    throwIfCancelled();
    for (std::int64_t j = 0; j <= i; ++j) {
      const auto& one = ranges[static_cast<std::size_t>(i)];
      const auto& other = ranges[static_cast<std::size_t>(j)];
      double sum = 0;
      for (std::int64_t k = std::max(one.first, other.first); k < std::min(one.second, other.second); ++k) sum += a(i, k) * a(j, k);
      gram(i, j) = gram(j, i) = sum;
    }
  }
  return gram;
}

/// Whether M = J M J up to rounding, J being the reversal of all rows.
bool looksSameFromBothEnds(const Eigen::MatrixXd& m) { return (m - m.reverse()).cwiseAbs().maxCoeff() <= 1e-13 * m.cwiseAbs().maxCoeff(); }

struct Decomposed {
  Eigen::VectorXd values;
  Eigen::MatrixXd vectors;
};

Decomposed decompose(const Eigen::MatrixXd& m) {
  throwIfCancelled();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(m);
  if (solver.info() != Eigen::Success)
    throw RuntimeError("The eigenvalue iteration of an operator's matrix did not converge: are all of its values finite?");
  return {solver.eigenvalues(), solver.eigenvectors()};
}

/// Of M = J M J: its eigenvectors are (u, J u) and (u, -J u), with a number between the halves where the size is odd.
Decomposed decomposeHalves(const Eigen::MatrixXd& m) {
  const Eigen::Index n = m.rows(), half = n / 2, even = n - half;
  const Eigen::MatrixXd near = m.topLeftCorner(half, half), far = m.topRightCorner(half, half).rowwise().reverse();
  Eigen::MatrixXd sum(even, even);
  sum.topLeftCorner(half, half) = near + far;
  if (even > half) {
    sum.col(half).head(half) = std::sqrt(2.0) * m.col(half).head(half);
    sum.row(half) = sum.col(half).transpose();
    sum(half, half) = m(half, half);
  }
  const Decomposed symmetric = decompose(sum), antisymmetric = decompose(near - far);
  Decomposed all{Eigen::VectorXd(n), Eigen::MatrixXd::Zero(n, n)};
  all.values << symmetric.values, antisymmetric.values;
  const double scale = std::sqrt(0.5);
  all.vectors.topLeftCorner(half, even) = scale * symmetric.vectors.topRows(half);
  all.vectors.bottomLeftCorner(half, even) = scale * symmetric.vectors.topRows(half).colwise().reverse();
  if (even > half) all.vectors.row(half).head(even) = symmetric.vectors.row(half);
  all.vectors.topRightCorner(half, half) = scale * antisymmetric.vectors;
  all.vectors.bottomRightCorner(half, half) = -scale * antisymmetric.vectors.colwise().reverse();
  return all;
}

}  // namespace

SymmetricEigen eigenOfGram(const Matrix& a) {
  const Eigen::MatrixXd gram = gramOf(a);
  const auto [values, vectors] = a.rows > 1 && looksSameFromBothEnds(gram) ? decomposeHalves(gram) : decompose(gram);
  std::vector<std::int64_t> order(static_cast<std::size_t>(a.rows));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&values = values](std::int64_t i, std::int64_t j) { return values[i] < values[j]; });
  SymmetricEigen eigen{{}, {a.rows, a.rows, std::vector<double>(static_cast<std::size_t>(a.rows * a.rows))}};
  Eigen::Map<RowMajor> sorted(eigen.vectors.values.data(), a.rows, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    const std::int64_t from = order[static_cast<std::size_t>(i)];
    eigen.values.push_back(std::max(0.0, values[from]));
    sorted.col(i) = vectors.col(from);
  }
  return eigen;
}

}  // namespace latino
