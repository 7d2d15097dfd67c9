#include "kernels/finite.h"

#include <utility>

#include "kernels/launch.h"
#include "tensor/scratch.h"

namespace latino {

void countNotFinite(const Tensor& x, std::function<void(std::int64_t, std::exception_ptr)> then) {
  Device& device = x.device();
  const Scratch scratch(device, 2);
  auto* count = reinterpret_cast<double*>(scratch.data());
  const float* values = x.data<float>();
  sumRows(device, 1, x.size(), count, [=] LATINO_DEVICE(std::int64_t, std::int64_t i) -> double {
    return values[i] - values[i] == 0 ? 0 : 1;  // what is no number, or infinite, differs from itself by no zero
  });
  whenKnown(device, static_cast<const double*>(count),
            [then = std::move(then)](double number, const std::exception_ptr& error) { then(static_cast<std::int64_t>(number), error); });
}

}  // namespace latino
