#include "linalg/banded.h"

#include <Eigen/Core>
#include <algorithm>

#include "cpu/cpu_device.h"
#include "tensor/ceil_divide.h"

namespace latino {

namespace {

using RowMajorFloat = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Source = Eigen::Map<const RowMajorFloat>;
using Target = Eigen::Map<RowMajorFloat>;

/// Rows or columns of the matrix that are multiplied together, over the union of their bands: wider where bands are wide.
constexpr std::int64_t kNarrowBlock = 16, kWideBlock = 128;
/// Rows of x in one piece of x M.
constexpr std::int64_t kPieceRows = 256;

/// The range of each line of a matrix that is not zero; lines are rows or, transposed, columns.
std::vector<std::int64_t> rangesOf(const Matrix& matrix) {
  std::vector<std::int64_t> ranges;
  for (std::int64_t i = 0; i < matrix.rows; ++i) {
    std::int64_t first = 0, last = matrix.columns;
    while (first < last && matrix(i, first) == 0) ++first;
    while (last > first && matrix(i, last - 1) == 0) --last;
    ranges.insert(ranges.end(), {first, last});
  }
  return ranges;
}

struct Range {
  std::int64_t first, last;
  std::int64_t size() const { return std::max<std::int64_t>(0, last - first); }
};

Range unionOf(const std::int64_t* ranges, Range lines) {
  Range all{INT64_MAX, 0};
  for (std::int64_t i = lines.first; i < lines.last; ++i) {
    if (ranges[2 * i] >= ranges[2 * i + 1]) continue;
    all = {std::min(all.first, ranges[2 * i]), std::max(all.last, ranges[2 * i + 1])};
  }
  return all.first == INT64_MAX ? Range{0, 0} : all;
}

std::int64_t blockOf(const std::int64_t* ranges, std::int64_t lines) {
  std::int64_t widest = 0;
  for (std::int64_t i = 0; i < lines; ++i) widest = std::max(widest, ranges[2 * i + 1] - ranges[2 * i]);
  return widest < kWideBlock ? kNarrowBlock : kWideBlock;
}

Range piece(std::int64_t index, std::int64_t size, std::int64_t n) { return {index * size, std::min(n, (index + 1) * size)}; }

}  // namespace

BandedMatrix::BandedMatrix(const std::shared_ptr<Device>& device, std::int64_t rows, std::int64_t columns)
    : rows_(rows),
      columns_(columns),
      values_(device, {rows, columns}),
      rowRanges_(device, {rows, 2}, DType::i64),
      columnRanges_(device, {columns, 2}, DType::i64) {}

void BandedMatrix::fill(const Matrix& matrix) const {
  const std::vector<float> values(matrix.values.begin(), matrix.values.end());
  const std::vector<std::int64_t> rowRanges = rangesOf(matrix), columnRanges = rangesOf(matrix.transposed());
  Device& device = values_.device();
  device.copyFromHost(values_.data<void>(), values.data(), values_.bytes());
  device.copyFromHost(rowRanges_.data<void>(), rowRanges.data(), rowRanges_.bytes());
  device.copyFromHost(columnRanges_.data<void>(), columnRanges.data(), columnRanges_.bytes());
}

Tensor BandedMatrix::applyToColumns(const Tensor& x) const {
  Shape shape = x.shape();
  const std::int64_t width = shape.back(), planes = x.size() / (columns_ * width);
  shape[shape.size() - 2] = rows_;
  const Tensor out(x.sharedDevice(), shape);
  submit({x, values_, rowRanges_}, {out}, [*this, x, out, width, planes] {
    const auto* ranges = rowRanges_.data<std::int64_t>();
    const Source matrix(values_.data<float>(), rows_, columns_);
    const std::int64_t block = blockOf(ranges, rows_), blocks = ceilDivide(rows_, block);
    threadsOf(out.device()).parallelFor(planes * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) {
        const std::int64_t plane = k / blocks;
        const Range rows = piece(k % blocks, block, rows_), band = unionOf(ranges, rows);
        const Source source(x.data<float>() + plane * columns_ * width, columns_, width);
        Target target(out.data<float>() + plane * rows_ * width, rows_, width);
        target.middleRows(rows.first, rows.size()).noalias() =
            matrix.block(rows.first, band.first, rows.size(), band.size()) * source.middleRows(band.first, band.size());
      }
    });
  });
  return out;
}

Tensor BandedMatrix::applyToRows(const Tensor& x) const {
  Shape shape = x.shape();
  shape.back() = columns_;
  const std::int64_t count = x.size() / rows_;
  const Tensor out(x.sharedDevice(), shape);
  submit({x, values_, columnRanges_}, {out}, [*this, x, out, count] {
    const auto* ranges = columnRanges_.data<std::int64_t>();
    const Source matrix(values_.data<float>(), rows_, columns_), source(x.data<float>(), count, rows_);
    Target target(out.data<float>(), count, columns_);
    const std::int64_t block = blockOf(ranges, columns_), blocks = ceilDivide(columns_, block);
    threadsOf(out.device()).parallelFor(ceilDivide(count, kPieceRows) * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) {
        const Range lines = piece(k / blocks, kPieceRows, count), columns = piece(k % blocks, block, columns_),
                    band = unionOf(ranges, columns);
        target.block(lines.first, columns.first, lines.size(), columns.size()).noalias() =
            source.block(lines.first, band.first, lines.size(), band.size()) *
            matrix.block(band.first, columns.first, band.size(), columns.size());
      }
    });
  });
  return out;
}

}  // namespace latino
