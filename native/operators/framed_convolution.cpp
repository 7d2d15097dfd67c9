#include "operators/framed_convolution.h"

namespace latino {

namespace {

/// Index of the pixel that position i beyond the border stands for; -1 for a zero.
std::int64_t extended(std::int64_t i, std::int64_t n, Boundary boundary) {
  if (i >= 0 && i < n) return i;
  switch (boundary) {
    case Boundary::zero:
      return -1;
    case Boundary::replicate:
      return i < 0 ? 0 : n - 1;
    case Boundary::circular:
      return (i % n + n) % n;
    case Boundary::reflect: {
      if (n == 1) return 0;
      const std::int64_t period = 2 * n - 2, inside = (i % period + period) % period;
      return inside < n ? inside : period - inside;
    }
  }
  return -1;
}

/// Output i of a convolution reads i - (tap - centre), so the frame begins taps - 1 - centre pixels before the image.
std::vector<std::int64_t> sourcesOf(std::int64_t n, std::int64_t taps, std::int64_t centre, Boundary boundary) {
  std::vector<std::int64_t> sources;
  for (std::int64_t i = 0; i < n + taps - 1; ++i) sources.push_back(extended(i - (taps - 1 - centre), n, boundary));
  return sources;
}

template <class T>
Tensor table(const std::shared_ptr<Device>& device, const std::vector<T>& values) {
  const DType dtype = std::is_same_v<T, float> ? DType::f32 : DType::i64;
  return upload(device, {static_cast<std::int64_t>(values.size())}, dtype, values.data());
}

}  // namespace

FramedConvolution::FramedConvolution(const std::shared_ptr<Device>& device, const Taps& taps, std::int64_t height, std::int64_t width,
                                     std::int64_t factor, Boundary boundary)
    : height_(height),
      width_(width),
      factor_(factor),
      tapRows_(taps.height),
      tapColumns_(taps.width),
      columnFrom_(taps.width - 1 - taps.centreX) {
  const std::int64_t frameW = width + tapColumns_ - 1, paddedW = frameW + tapColumns_ - 1;
  std::vector<float> weights;
  std::vector<std::int64_t> forward, adjoint;
  for (std::int64_t a = 0; a < tapRows_; ++a) {
    for (std::int64_t b = 0; b < tapColumns_; ++b) {
      const auto weight = static_cast<float>(taps.values[static_cast<std::size_t>(a * tapColumns_ + b)]);
      if (weight == 0) continue;
      weights.push_back(weight);
      forward.push_back((tapRows_ - 1 - a) * frameW + tapColumns_ - 1 - b);
      adjoint.push_back(a * paddedW + b);
    }
  }
  weights_ = table(device, weights);
  forwardOffsets_ = table(device, forward);
  adjointOffsets_ = table(device, adjoint);
  const std::vector<std::int64_t> rows = sourcesOf(height, tapRows_, taps.centreY, boundary),
                                  columns = sourcesOf(width, tapColumns_, taps.centreX, boundary);
  rowSources_ = table(device, rows);
  columnSources_ = table(device, columns);
  rowFold_ = foldOf(device, height, rows);
  columnFold_ = foldOf(device, width, columns);
}

std::vector<Tensor> FramedConvolution::tensors() const {
  return {weights_,        forwardOffsets_, adjointOffsets_,    rowSources_,      columnSources_,
          rowFold_.starts, rowFold_.reads,  columnFold_.starts, columnFold_.reads};
}

FramedConvolution::Fold FramedConvolution::foldOf(const std::shared_ptr<Device>& device, std::int64_t n,
                                                  const std::vector<std::int64_t>& sources) {
  std::vector<std::int64_t> starts{0}, reads;
  std::int64_t last = 0, onceFrom = 0, onceTo = 0;  // the longest run of pixels that are shown once
  for (std::int64_t pixel = 0; pixel < n; ++pixel) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (sources[i] == pixel) reads.push_back(static_cast<std::int64_t>(i));
    }
    if (static_cast<std::int64_t>(reads.size()) != starts.back() + 1) last = pixel + 1;
    if (pixel + 1 - last > onceTo - onceFrom) onceFrom = last, onceTo = pixel + 1;
    starts.push_back(static_cast<std::int64_t>(reads.size()));
  }
  return {table(device, starts), table(device, reads), onceFrom, onceTo};
}

}  // namespace latino
