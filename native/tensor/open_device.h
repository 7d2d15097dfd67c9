// Opens a device by its name. One implementation is linked: that of the flavour, which has one kind of device.
#pragma once

#include <memory>
#include <string>

#include "tensor/device.h"

namespace latino {

/// `threads` share the loops of a CPU; 0 takes every core the process may use. Throws DeviceError where this flavour has no such device.
std::shared_ptr<Device> openDevice(const std::string& name, unsigned threads);

}  // namespace latino
