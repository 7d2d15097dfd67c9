// Products of planes with a matrix that may be banded, in float32.
#pragma once

#include "linalg/matrix.h"
#include "tensor/tensor.h"

namespace latino {

/// A matrix on a device, with the range of each row and column that is not zero: products go block by block over these bands.
class BandedMatrix {
 public:
  BandedMatrix(const std::shared_ptr<Device>& device, std::int64_t rows, std::int64_t columns);

  /// Inside a task that has tensors() among its outputs.
  void fill(const Matrix& matrix) const;
  std::vector<Tensor> tensors() const { return {values_, rowRanges_, columnRanges_}; }

  /// [..., columns, width] to [..., rows, width]: M x.
  Tensor applyToColumns(const Tensor& x) const;
  /// [..., height, rows] to [..., height, columns]: x M.
  Tensor applyToRows(const Tensor& x) const;

 private:
  std::int64_t rows_, columns_;
  Tensor values_;        // [rows, columns] f32
  Tensor rowRanges_;     // [rows, 2] i64: first column that is not zero, and one past the last
  Tensor columnRanges_;  // [columns, 2] i64: the same of rows
};

}  // namespace latino
