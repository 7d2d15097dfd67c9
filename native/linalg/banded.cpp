#include "linalg/banded.h"

#include <algorithm>

namespace latino {

BandedMatrix::BandedMatrix(const std::shared_ptr<Device>& device, std::int64_t rows, std::int64_t columns)
    : rows_(rows), columns_(columns), values_(device, {rows, columns}), ranges_(device, {rows, 2}, DType::i64) {}

void BandedMatrix::fill(const Matrix& matrix) const {
  std::vector<float> values(matrix.values.size());
  std::vector<std::int64_t> ranges;
  std::transform(matrix.values.begin(), matrix.values.end(), values.begin(), [](double v) { return static_cast<float>(v); });
  for (std::int64_t i = 0; i < rows_; ++i) {
    std::int64_t first = 0, last = columns_;
    while (first < last && matrix(i, first) == 0) ++first;
    while (last > first && matrix(i, last - 1) == 0) --last;
    ranges.insert(ranges.end(), {first, last});
  }
  Device& device = values_.device();
  device.copyFromHost(values_.data<float>(), values.data(), values_.bytes());
  device.copyFromHost(ranges_.data<std::int64_t>(), ranges.data(), ranges_.bytes());
}

Tensor BandedMatrix::applyToColumns(const Tensor& x) const {
  Shape shape = x.shape();
  const std::int64_t width = shape.back(), planes = x.size() / (columns_ * width);
  shape[shape.size() - 2] = rows_;
  const Tensor out(x.sharedDevice(), shape);
  submit({x, values_, ranges_}, {out}, [*this, x, out, width, planes] {
    const float *px = x.data<float>(), *m = values_.data<float>();
    const std::int64_t* ranges = ranges_.data<std::int64_t>();
    float* po = out.data<float>();
    out.device().threads().parallelFor(planes * rows_, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) {
        const std::int64_t plane = k / rows_, i = k % rows_;
        float* row = po + k * width;
        std::fill(row, row + width, 0.0F);
        for (std::int64_t j = ranges[2 * i]; j < ranges[2 * i + 1]; ++j) {
          const float factor = m[i * columns_ + j];
          const float* source = px + (plane * columns_ + j) * width;
          for (std::int64_t c = 0; c < width; ++c) row[c] += factor * source[c];
        }
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
  submit({x, values_, ranges_}, {out}, [*this, x, out, count] {
    const float *px = x.data<float>(), *m = values_.data<float>();
    const std::int64_t* ranges = ranges_.data<std::int64_t>();
    float* po = out.data<float>();
    out.device().threads().parallelFor(count, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) {
        float* row = po + k * columns_;
        std::fill(row, row + columns_, 0.0F);
        for (std::int64_t j = 0; j < rows_; ++j) {
          const float factor = px[k * rows_ + j];
          const float* source = m + j * columns_;
          for (std::int64_t c = ranges[2 * j]; c < ranges[2 * j + 1]; ++c) row[c] += factor * source[c];
        }
      }
    });
  });
  return out;
}

}  // namespace latino
