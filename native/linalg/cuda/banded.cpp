// Products with cuBLAS, which reads matrices column by column: it is asked for the transposed product of transposed factors, which are
// ours.
#include "linalg/banded.h"

#include <vector>

#include "cuda/cuda_device.h"

namespace latino {

namespace {

/// `count` products C = A B of row-major matrices A [m, k], B [k, n], C [m, n], each so many elements after the one before.
struct Factor {
  const float* data;
  std::int64_t stride;
};

void multiply(Device& device, std::int64_t m, std::int64_t n, std::int64_t k, Factor a, Factor b, float* c, std::int64_t count) {
  const float one = 1, zero = 0;
  requireSuccess(cublasSgemmStridedBatched_64(cudaOf(device).blas(), CUBLAS_OP_N, CUBLAS_OP_N, n, m, k, &one, b.data, n, b.stride, a.data,
                                              k, a.stride, &zero, c, n, m * n, count),
                 "A matrix product");
}

}  // namespace

// Bands are of no use here: a dense product is faster on a GPU than its blocks one by one.

BandedMatrix::BandedMatrix(const std::shared_ptr<Device>& device, std::int64_t rows, std::int64_t columns)
    : rows_(rows), columns_(columns), values_(device, {rows, columns}), rowRanges_(device, {0}), columnRanges_(device, {0}) {}

void BandedMatrix::fill(const Matrix& matrix) const {
  const std::vector<float> values(matrix.values.begin(), matrix.values.end());
  values_.device().copyFromHost(values_.data<void>(), values.data(), values_.bytes());
}

Tensor BandedMatrix::applyToColumns(const Tensor& x) const {
  Shape shape = x.shape();
  const std::int64_t width = shape.back(), planes = x.size() / (columns_ * width);
  shape[shape.size() - 2] = rows_;
  const Tensor out(x.sharedDevice(), shape);
  submit({x, values_}, {out}, [*this, x, out, width, planes] {
    multiply(out.device(), rows_, width, columns_, {values_.data<float>(), 0}, {x.data<float>(), columns_ * width}, out.data<float>(),
             planes);
  });
  return out;
}

Tensor BandedMatrix::applyToRows(const Tensor& x) const {
  Shape shape = x.shape();
  shape.back() = columns_;
  const std::int64_t count = x.size() / rows_;
  const Tensor out(x.sharedDevice(), shape);
  submit({x, values_}, {out}, [*this, x, out, count] {
    multiply(out.device(), count, columns_, rows_, {x.data<float>(), 0}, {values_.data<float>(), 0}, out.data<float>(), 1);
  });
  return out;
}

}  // namespace latino
