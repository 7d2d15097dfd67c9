#include "kernels/rows.h"

#include <algorithm>
#include <string>

#include "kernels/launch.h"
#include "tensor/error.h"

namespace latino {

Tensor rows(const std::vector<Tensor>& bands, std::int64_t from, std::int64_t to) {
  if (bands.empty()) throw ArgumentError("Expected at least one band but received none");
  const Tensor& first = bands[0];
  std::int64_t height = 0;
  for (const Tensor& band : bands) {
    if (band.dtype() != DType::f32 || band.rank() != 4)
      throw ShapeError("Expected bands [N, C, H, W] of f32 but received " + toString(band.shape()) + " of " + nameOf(band.dtype()));
    if (band.dim(0) != first.dim(0) || band.dim(1) != first.dim(1) || band.dim(3) != first.dim(3))
      throw ShapeError("Expected bands alike in all but their height but received " + toString(first.shape()) + " and " +
                       toString(band.shape()));
    height += band.dim(2);
  }
  if (from < 0 || to < from || to > height)
    throw ShapeError("Expected rows within 0 to " + std::to_string(height) + " but received " + std::to_string(from) + " to " +
                     std::to_string(to));
  std::vector<Tensor> read;  // the bands that have some of the rows: the others need not wait for their memory to be free
  std::int64_t top = 0;      // of the first of them
  for (std::int64_t at = 0; const Tensor& band : bands) {
    const std::int64_t next = at + band.dim(2);
    if (read.empty()) top = at;
    if (std::max(at, from) < std::min(next, to)) read.push_back(band);
    at = next;
  }
  const Tensor out(first.sharedDevice(), {first.dim(0), first.dim(1), to - from, first.dim(3)});
  submit(read, {out}, [=] {
    std::int64_t at = top;
    for (const Tensor& band : read) {
      const std::int64_t begin = std::max(at, from), end = std::min(at + band.dim(2), to), width = out.dim(3);
      const float* source = band.data<float>() + (begin - at) * width;
      float* target = out.data<float>() + (begin - from) * width;
      const std::int64_t sourcePlane = band.dim(2) * width, targetPlane = out.dim(2) * width;
      forRows(out.device(), out.dim(0) * out.dim(1), (end - begin) * width,
              [=] LATINO_DEVICE(std::int64_t plane, std::int64_t i) { target[plane * targetPlane + i] = source[plane * sourcePlane + i]; });
      at += band.dim(2);
    }
  });
  return out;
}

}  // namespace latino
