// The device that the tests run on: of the flavour that they are linked with.
#pragma once

#include <memory>

#include "tensor/device.h"

namespace latino {

/// Each call opens one of its own; `threads` is for a CPU. Throws DeviceError where this machine has none.
std::shared_ptr<Device> openTestDevice(unsigned threads);

}  // namespace latino
