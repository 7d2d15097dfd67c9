#include "operators/padded_inverse.h"

#include <cmath>

#include "operators/circular_basis.h"
#include "tensor/ceil_divide.h"

namespace latino {

namespace {

/// Numbers in float32 leave 1e-7 of the largest part in the smallest one: where the eigenvalues below this part of the largest one were
/// trusted, a large gamma would make that rounding larger than what is wanted.
constexpr double kSmallest = 1e-5;

std::int64_t frameOf(std::int64_t measured, std::int64_t taps, std::int64_t factor) {
  return fastLength(measured + ceilDivide(taps - 1, factor));
}

/// That no eigenvalue exceeds.
double largestOf(const Taps& taps, std::int64_t factor) {
  double sum = 0;
  for (const double value : taps.values) sum += std::abs(value);
  return sum * sum / static_cast<double>(factor * factor);
}

}  // namespace

PaddedInverse::PaddedInverse(const std::shared_ptr<Device>& device, const Taps& taps, std::int64_t height, std::int64_t width,
                             std::int64_t factor)
    : size_{height / factor, width / factor},
      frame_{frameOf(size_.height, taps.height, factor), frameOf(size_.width, taps.width, factor)},
      smallest_(static_cast<float>(kSmallest * largestOf(taps, factor))),
      eigenvalues_(device, {frame_.height, halfWidth(frame_.width)}) {
  submit({}, tensors(), [self = *this, taps, factor] {
    const std::int64_t fineH = self.frame_.height * factor, fineW = self.frame_.width * factor;
    const std::vector<double> values = eigenvaluesOf(transferOf(taps, fineH, fineW), fineH, fineW, factor).values;
    const std::vector<float> narrow(values.begin(), values.end());
    self.eigenvalues_.device().copyFromHost(self.eigenvalues_.data<void>(), narrow.data(), self.eigenvalues_.bytes());
  });
}

void PaddedInverse::weights(Device& device, ScalarRef gamma, Eigenvalues which, float* weights) const {
  const float *lambda = eigenvalues_.data<float>(), smallest = which == Eigenvalues::all ? 0 : smallest_;
  forEach(device, eigenvalues_.size(), [=] LATINO_DEVICE(std::int64_t i) {
    const float g = gamma(0), trusted = lambda[i] < smallest ? smallest : lambda[i];
    weights[i] = g / (1 + g * trusted);
  });
}

void PaddedInverse::meanUnknown(Device& device, ScalarRef gamma, const float* weights, double* means) const {
  const std::int64_t count = eigenvalues_.size();
  const double share = 1 / static_cast<double>(count);
  sumRows(device, 2, count, means, [=] LATINO_DEVICE(std::int64_t power, std::int64_t i) -> double {
    const double w = weights[i];
    return share * (power == 0 ? w : w * w);
  });
  forEach(device, 1, [=] LATINO_DEVICE(std::int64_t) {
    const double g = gamma(0);
    means[0] /= g;
    means[1] /= g * g;
  });
}

}  // namespace latino
