// A number that is known on the host, or one (or one per image) that lives on the device.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/host_device.h"
#include "tensor/tensor.h"

namespace latino {

/// One number for all images of a batch [N, ...], or one for each.
using PerImage = std::vector<double>;

/// What a kernel sees of a Scalar.
struct ScalarRef {
  const float* pointer;
  float value;
  bool perImage;
  LATINO_HOST_DEVICE float operator()(std::int64_t image) const { return pointer == nullptr ? value : pointer[perImage ? image : 0]; }
};

struct Scalar {
  double value = 0;
  Tensor tensor;  // valid() when the number lives on the device, shape [1] or [N]

  Scalar(double number) : value(number) {}                  // NOLINT: meant to convert
  Scalar(Tensor onDevice) : tensor(std::move(onDevice)) {}  // NOLINT: meant to convert
  /// Inside tasks only.
  ScalarRef ref() const {
    return {tensor.valid() ? tensor.data<float>() : nullptr, static_cast<float>(value), tensor.valid() && tensor.size() > 1};
  }
};

}  // namespace latino
