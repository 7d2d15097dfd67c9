// Device memory for the time of one task.
#pragma once

#include <cstdint>

#include "tensor/device.h"

namespace latino {

/// Floats from the pool; given back at the end of the scope, which is safe because a device's work is ordered.
class Scratch {
 public:
  Scratch(Device& device, std::int64_t floats)
      : device_(device), bytes_(static_cast<std::size_t>(floats) * sizeof(float)), data_(static_cast<float*>(device.pool().take(bytes_))) {}
  ~Scratch() { device_.pool().give(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  float* data() const { return data_; }

 private:
  Device& device_;
  std::size_t bytes_;
  float* data_;
};

}  // namespace latino
