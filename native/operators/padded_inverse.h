// The preconditioner of a convolution's proximal operator.
#pragma once

#include "kernels/launch.h"
#include "linalg/fft.h"
#include "operators/operator.h"
#include "tensor/scratch.h"

namespace latino {

/// P (C Cᵀ + 1/gamma)⁻¹ Pᵀ: measurements are put into a frame of zeros, the equations of the circular convolution C on that frame are
/// solved, and the measurements cut out again. Inside, C is the convolution itself; the frame is so wide that opposite borders do not see
/// each other, and its size one that transforms are fast at. (The inverse of a Toeplitz matrix embedded in a circulant one: Hanke and Nagy
/// 1998.)
///
/// Everything here that takes pointers runs inside tasks that name tensors() among their inputs.
class PaddedInverse {
 public:
  /// For measurements of images [height, width].
  PaddedInverse(const std::shared_ptr<Device>& device, const Taps& taps, std::int64_t height, std::int64_t width, std::int64_t factor);

  std::vector<Tensor> tensors() const { return {eigenvalues_}; }

  /// `planes` planes of one image, r to z; T is float or double, the transforms' results are float.
  template <class T>
  void apply(Device& device, std::int64_t planes, ScalarRef gamma, const T* r, T* z) const {
    const std::int64_t height = height_, width = width_, frameH = frameHeight_, frameW = frameWidth_, count = frameH * halfWidth(frameW);
    const Scratch frame(device, planes * frameH * frameW), spectrum(device, planes * count * 2);
    float *f = frame.data(), *s = spectrum.data();
    forRows(device, planes * frameH, frameW, [=] LATINO_DEVICE(std::int64_t line, std::int64_t column) {
      const std::int64_t row = line % frameH, plane = line / frameH;
      f[line * frameW + column] = row < height && column < width ? static_cast<float>(r[(plane * height + row) * width + column]) : 0;
    });
    rfft2(device, planes, frameH, frameW, f, s);
    const float* lambda = eigenvalues_.data<float>();
    forRows(device, planes, count, [=] LATINO_DEVICE(std::int64_t plane, std::int64_t at) {
      const float g = gamma(0), weight = g / (1 + g * lambda[at]);
      float* number = s + 2 * (plane * count + at);
      number[0] *= weight;
      number[1] *= weight;
    });
    irfft2(device, planes, frameH, frameW, s, f);
    forRows(device, planes * height, width, [=] LATINO_DEVICE(std::int64_t line, std::int64_t column) {
      const std::int64_t row = line % height, plane = line / height;
      z[line * width + column] = f[(plane * frameH + row) * frameW + column];
    });
  }

  /// The mean of 1 / (1 + gamma lambda), on the device: the part of the prior's variance that a measurement leaves.
  void meanUnknown(Device& device, ScalarRef gamma, double* mean) const {
    const float* lambda = eigenvalues_.data<float>();
    const std::int64_t count = eigenvalues_.size();
    sumRows(device, 1, count, mean, [=] LATINO_DEVICE(std::int64_t, std::int64_t i) -> double {
      return 1 / (1 + gamma(0) * lambda[i]) / static_cast<double>(count);
    });
  }

 private:
  std::int64_t height_, width_, frameHeight_, frameWidth_;
  Tensor eigenvalues_;  // [frame height, frame width / 2 + 1]: of C Cᵀ
};

}  // namespace latino
