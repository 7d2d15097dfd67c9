#include "linalg/matrix.h"

#include <Eigen/Eigenvalues>
#include <algorithm>

#include "tensor/error.h"

namespace latino {

namespace {
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
}

Matrix Matrix::transposed() const {
  Matrix result{columns, rows, std::vector<double>(values.size())};
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) result.values[static_cast<std::size_t>(j * rows + i)] = (*this)(i, j);
  }
  return result;
}

SymmetricEigen eigenOfGram(const Matrix& a) {
  const Eigen::Map<const RowMajor> map(a.values.data(), a.rows, a.columns);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(map * map.transpose());
  if (solver.info() != Eigen::Success)
    throw RuntimeError("The eigenvalue iteration of an operator's matrix did not converge: are all of its values finite?");
  SymmetricEigen eigen{std::vector<double>(static_cast<std::size_t>(a.rows)),
                       {a.rows, a.rows, std::vector<double>(static_cast<std::size_t>(a.rows * a.rows))}};
  for (std::int64_t i = 0; i < a.rows; ++i) eigen.values[static_cast<std::size_t>(i)] = std::max(0.0, solver.eigenvalues()[i]);
  Eigen::Map<RowMajor>(eigen.vectors.values.data(), a.rows, a.rows) = solver.eigenvectors();
  return eigen;
}

}  // namespace latino
