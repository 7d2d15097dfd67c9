#include "operators/circular_basis.h"

#include "kernels/launch.h"
#include "linalg/fft.h"
#include "tensor/cancellation.h"
#include "tensor/scratch.h"

namespace latino {

namespace {

std::int64_t wrap(std::int64_t i, std::int64_t n) { return (i % n + n) % n; }

}  // namespace

std::vector<std::complex<double>> transferOf(const Taps& taps, std::int64_t height, std::int64_t width) {
  std::vector<double> plane(static_cast<std::size_t>(height * width));
  for (std::int64_t a = 0; a < taps.height; ++a) {
    for (std::int64_t b = 0; b < taps.width; ++b) {
      const std::int64_t at = wrap(a - taps.centreY, height) * width + wrap(b - taps.centreX, width);
      plane[static_cast<std::size_t>(at)] += taps.values[static_cast<std::size_t>(a * taps.width + b)];
    }
  }
  return hostTransfer(height, width, plane);
}

CircularEigenvalues eigenvaluesOf(const std::vector<std::complex<double>>& transfer, std::int64_t height, std::int64_t width,
                                  std::int64_t factor) {
  // |K|² is symmetric, so the half spectrum has every alias. Decimation sums aliases: its transfer is their mean power.
  const std::int64_t half = halfWidth(width), lowH = height / factor, lowW = width / factor, lowHalf = halfWidth(lowW);
  const auto squared = [&](std::int64_t u, std::int64_t v) {
    const bool stored = v < half;
    return std::norm(transfer[static_cast<std::size_t>((stored ? u : wrap(-u, height)) * half + (stored ? v : width - v))]);
  };
  CircularEigenvalues eigenvalues;
  for (std::int64_t u = 0; u < lowH; ++u) {
    throwIfCancelled();
    for (std::int64_t v = 0; v < lowHalf; ++v) {
      double sum = 0;
      for (std::int64_t i = 0; i < factor; ++i) {
        for (std::int64_t j = 0; j < factor; ++j) sum += squared(u + i * lowH, v + j * lowW);
      }
      eigenvalues.values.push_back(sum / static_cast<double>(factor * factor));
      // A stored number stands for its conjugate too, except in the columns that are their own mirror.
      eigenvalues.multiplicities.push_back(v == 0 || 2 * v == lowW ? 1 : 2);
    }
  }
  return eigenvalues;
}

CircularBasis::CircularBasis(const std::shared_ptr<Device>& device, Taps taps, std::int64_t height, std::int64_t width, std::int64_t factor,
                             const Spectrum& spectrum)
    : height_(height),
      width_(width),
      factor_(factor),
      transfer_(device, {height, halfWidth(width), 2}),
      eigenvalues_(device, {lowHeight(), halfWidth(lowWidth())}) {
  std::vector<Tensor> tables = tensors();
  for (const Tensor& tensor : spectrum.tensors()) tables.push_back(tensor);
  submit({}, tables, [self = *this, spectrum, taps = std::move(taps)] {
    const std::vector<std::complex<double>> k = transferOf(taps, self.height_, self.width_);
    std::vector<float> transfer;
    for (const std::complex<double>& value : k)
      transfer.insert(transfer.end(), {static_cast<float>(value.real()), static_cast<float>(value.imag())});
    const auto [eigenvalues, multiplicities] = eigenvaluesOf(k, self.height_, self.width_, self.factor_);
    const std::vector<float> narrow(eigenvalues.begin(), eigenvalues.end());
    Device& device = self.transfer_.device();
    device.copyFromHost(self.transfer_.data<void>(), transfer.data(), self.transfer_.bytes());
    device.copyFromHost(self.eigenvalues_.data<void>(), narrow.data(), self.eigenvalues_.bytes());
    spectrum.fill(eigenvalues, multiplicities);
  });
}

void CircularBasis::multiply(Device& device, std::int64_t planes, bool conjugate, float* spectrum) const {
  const float* k = transfer_.data<float>();
  const std::int64_t count = height_ * halfWidth(width_);
  const float sign = conjugate ? -1.0F : 1.0F;
  forRows(device, planes, count, [=] LATINO_DEVICE(std::int64_t plane, std::int64_t at) {
    float* number = spectrum + 2 * (plane * count + at);
    const float kr = k[2 * at], ki = sign * k[2 * at + 1], re = number[0], im = number[1];
    number[0] = kr * re - ki * im;
    number[1] = kr * im + ki * re;
  });
}

void CircularBasis::forward(Device& device, std::int64_t planes, const float* x, float* y) const {
  const std::int64_t height = height_, width = width_, factor = factor_, lowH = lowHeight(), lowW = lowWidth();
  Scratch spectrum(device, planes * height * halfWidth(width) * 2);
  rfft2(device, planes, height, width, x, spectrum.data());
  multiply(device, planes, false, spectrum.data());
  if (factor == 1) {
    irfft2(device, planes, height, width, spectrum.data(), y);
    return;
  }
  Scratch blurred(device, planes * height * width);
  irfft2(device, planes, height, width, spectrum.data(), blurred.data());
  const float* source = blurred.data();
  forEach(device, planes * lowH * lowW, [=] LATINO_DEVICE(std::int64_t i) {
    const std::int64_t column = i % lowW, row = i / lowW % lowH, plane = i / (lowW * lowH);
    y[i] = source[(plane * height + row * factor) * width + column * factor];
  });
}

void CircularBasis::adjoint(Device& device, std::int64_t planes, const float* y, float* x) const {
  const std::int64_t height = height_, width = width_, factor = factor_, lowH = lowHeight(), lowW = lowWidth();
  Scratch spectrum(device, planes * height * halfWidth(width) * 2);
  if (factor == 1) {
    rfft2(device, planes, height, width, y, spectrum.data());
  } else {
    forEach(device, planes * height * width, [=] LATINO_DEVICE(std::int64_t i) {
      const std::int64_t column = i % width, row = i / width % height, plane = i / (width * height);
      x[i] = row % factor == 0 && column % factor == 0 ? y[(plane * lowH + row / factor) * lowW + column / factor] : 0.0F;
    });
    rfft2(device, planes, height, width, x, spectrum.data());
  }
  multiply(device, planes, true, spectrum.data());
  irfft2(device, planes, height, width, spectrum.data(), x);
}

void CircularBasis::residual(Device& device, std::int64_t planes, const float* z, const float* y, float* spectrum) const {
  const std::int64_t lowH = lowHeight(), lowW = lowWidth(), count = planes * lowH * halfWidth(lowW) * 2;
  if (factor_ == 1) {
    Scratch predicted(device, count);
    rfft2(device, planes, height_, width_, z, predicted.data());
    multiply(device, planes, false, predicted.data());
    rfft2(device, planes, height_, width_, y, spectrum);
    const float* p = predicted.data();
    forEach(device, count, [=] LATINO_DEVICE(std::int64_t i) { spectrum[i] -= p[i]; });
    return;
  }
  Scratch difference(device, planes * lowH * lowW);
  float* d = difference.data();
  forward(device, planes, z, d);
  forEach(device, planes * lowH * lowW, [=] LATINO_DEVICE(std::int64_t i) { d[i] = y[i] - d[i]; });
  rfft2(device, planes, lowH, lowW, d, spectrum);
}

void CircularBasis::correction(Device& device, std::int64_t planes, std::int64_t planesPerImage, ScalarRef gamma, const float* residual,
                               float* x) const {
  const std::int64_t count = planes * lowHeight() * halfWidth(lowWidth()) * 2;
  const std::int64_t perPlane = lowHeight() * halfWidth(lowWidth());
  const float* lambda = eigenvalues_.data<float>();
  Scratch weights(device, count);
  float* w = weights.data();
  forRows(device, planes, perPlane, [=] LATINO_DEVICE(std::int64_t plane, std::int64_t at) {
    const float g = gamma(plane / planesPerImage), weight = g / (1 + g * lambda[at]);
    const std::int64_t i = plane * perPlane + at;
    w[2 * i] = residual[2 * i] * weight;
    w[2 * i + 1] = residual[2 * i + 1] * weight;
  });
  if (factor_ == 1) {
    multiply(device, planes, true, w);
    irfft2(device, planes, height_, width_, w, x);
    return;
  }
  Scratch measured(device, planes * lowHeight() * lowWidth());
  irfft2(device, planes, lowHeight(), lowWidth(), w, measured.data());
  adjoint(device, planes, measured.data(), x);
}

}  // namespace latino
