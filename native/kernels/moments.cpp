#include "kernels/moments.h"

#include <string>

#include "kernels/elementwise.h"
#include "kernels/launch.h"
#include "tensor/error.h"
#include "tensor/scratch.h"

namespace latino {

Tensor groupMoments(const Tensor& x, std::int64_t groups) {
  if (x.dtype() != DType::f32 || x.rank() < 2)
    throw ShapeError("Expected a tensor [N, C, ...] of f32 for x but received " + toString(x.shape()) + " of " + nameOf(x.dtype()));
  if (groups < 1 || x.dim(1) % groups != 0)
    throw ArgumentError("Expected a number of groups that divides " + std::to_string(x.dim(1)) + " channels but received " +
                        std::to_string(groups));
  const Tensor out(x.sharedDevice(), {x.dim(0), groups, 3});
  submit({x}, {out}, [=] {
    const float* px = x.data<float>();
    float* po = out.data<float>();
    const std::int64_t rows = x.dim(0) * groups, count = rows == 0 ? 0 : x.size() / rows;
    const Scratch memory(out.device(), 4 * rows);  // two doubles each
    auto *sums = reinterpret_cast<double*>(memory.data()), *squares = sums + rows;
    sumRows(out.device(), rows, count, sums, [=] LATINO_DEVICE(std::int64_t row, std::int64_t i) -> double { return px[row * count + i]; });
    // The square of a float is exact in double, so that groups far from zero keep their variance.
    sumRows(out.device(), rows, count, squares, [=] LATINO_DEVICE(std::int64_t row, std::int64_t i) -> double {
      const double value = px[row * count + i];
      return value * value;
    });
    forEach(out.device(), rows, [=] LATINO_DEVICE(std::int64_t row) {
      const double mean = count == 0 ? 0 : sums[row] / static_cast<double>(count);
      const double variance = count == 0 ? 0 : squares[row] / static_cast<double>(count) - mean * mean;
      po[3 * row] = static_cast<float>(count);
      po[3 * row + 1] = static_cast<float>(mean);
      po[3 * row + 2] = static_cast<float>(variance > 0 ? variance : 0);
    });
  });
  return out;
}

Tensor pooledMoments(const std::vector<Tensor>& parts) {
  for (const Tensor& part : parts)
    if (part.dtype() != DType::f32 || part.rank() != 3 || part.dim(2) != 3 || part.shape() != parts[0].shape())
      throw ShapeError("Expected moments [N, groups, 3] alike in shape but received " + toString(part.shape()));
  const Tensor stacked = concatenate(parts);
  const Tensor out(stacked.sharedDevice(), parts[0].shape());
  const auto count = static_cast<std::int64_t>(parts.size());
  submit({stacked}, {out}, [=] {
    const float* px = stacked.data<float>();
    float* po = out.data<float>();
    const std::int64_t rows = out.dim(0) * out.dim(1);
    forEach(out.device(), rows, [=] LATINO_DEVICE(std::int64_t row) {
      double all = 0, mean = 0, squares = 0;
      for (std::int64_t k = 0; k < count; ++k) {
        const float* part = px + 3 * (k * rows + row);
        const double n = part[0], difference = part[1] - mean;
        if (n == 0) continue;
        const double before = all;
        all += n;
        mean += difference * n / all;
        squares += part[2] * n + difference * difference * before * n / all;
      }
      po[3 * row] = static_cast<float>(all);
      po[3 * row + 1] = static_cast<float>(mean);
      po[3 * row + 2] = static_cast<float>(all > 0 ? squares / all : 0);
    });
  });
  return out;
}

}  // namespace latino
