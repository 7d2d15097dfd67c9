#include "operators/padded_inverse.h"

#include <algorithm>

#include "operators/circular_basis.h"

namespace latino {

namespace {

/// Transforms in float32 leave 1e-7 of the largest part in the smallest one: where the eigenvalues below this part of the largest one were
/// trusted, a large gamma would make that rounding larger than what is wanted.
constexpr double kSmallest = 1e-5;

std::int64_t frameOf(std::int64_t measured, std::int64_t taps, std::int64_t factor) {
  return fastLength(measured + (taps - 1 + factor - 1) / factor);
}

}  // namespace

PaddedInverse::PaddedInverse(const std::shared_ptr<Device>& device, const Taps& taps, std::int64_t height, std::int64_t width,
                             std::int64_t factor)
    : height_(height / factor),
      width_(width / factor),
      frameHeight_(frameOf(height_, taps.height, factor)),
      frameWidth_(frameOf(width_, taps.width, factor)),
      eigenvalues_(device, {frameHeight_, halfWidth(frameWidth_)}) {
  submit({}, tensors(), [self = *this, taps, factor] {
    const std::int64_t fineH = self.frameHeight_ * factor, fineW = self.frameWidth_ * factor;
    const std::vector<double> values = eigenvaluesOf(transferOf(taps, fineH, fineW), fineH, fineW, factor).values;
    const double smallest = kSmallest * *std::max_element(values.begin(), values.end());
    std::vector<float> floored;
    for (const double value : values) floored.push_back(static_cast<float>(std::max(value, smallest)));
    self.eigenvalues_.device().copyFromHost(self.eigenvalues_.data<void>(), floored.data(), self.eigenvalues_.bytes());
  });
}

}  // namespace latino
