#include "tensor/open_device.h"

#include "cpu/cpu_device.h"
#include "tensor/error.h"

namespace latino {

std::shared_ptr<Device> openDevice(const std::string& name, unsigned threads) {
  if (name == "cpu") return openCpuDevice(threads);
  if (name.starts_with("cuda")) throw DeviceError("Expected cpu for device but received " + name + ": this build has no CUDA backend");
  throw DeviceError("Expected cpu or cuda:<index> for device but received " + name);
}

}  // namespace latino
