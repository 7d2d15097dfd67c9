#include "kernels/finite.h"

#include "kernels/launch.h"
#include "tensor/scratch.h"

namespace latino {

std::int64_t countNotFinite(const Tensor& x) {
  Device& device = x.device();
  const Scratch scratch(device, 2);
  auto* count = reinterpret_cast<double*>(scratch.data());
  const float* values = x.data<float>();
  sumRows(device, 1, x.size(), count, [=] LATINO_DEVICE(std::int64_t, std::int64_t i) -> double {
    return values[i] - values[i] == 0 ? 0 : 1;  // what is no number, or infinite, differs from itself by no zero
  });
  return static_cast<std::int64_t>(hostValue(device, count));
}

}  // namespace latino
