#include "tensor/open_device.h"

#include <charconv>

#include "cuda/cuda_device.h"
#include "tensor/error.h"

namespace latino {

std::shared_ptr<Device> openDevice(const std::string& name, unsigned) {
  if (name == "cpu") throw DeviceError("Expected cuda:<index> for device but received cpu: this build is for GPUs");
  if (name == "cuda") return openCudaDevice(0);
  constexpr std::string_view prefix = "cuda:";
  int index = -1;
  if (name.starts_with(prefix)) {
    const char *first = name.data() + prefix.size(), *last = name.data() + name.size();
    const auto [end, error] = std::from_chars(first, last, index);
    if (error == std::errc() && end == last && index >= 0) return openCudaDevice(index);
  }
  throw DeviceError("Expected cpu or cuda:<index> for device but received " + name);
}

}  // namespace latino
