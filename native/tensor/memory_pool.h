// Keeps freed device memory for the next tensor of about the same size.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

#include "tensor/device.h"

namespace latino {

class MemoryPool {
 public:
  explicit MemoryPool(Device& device) : device_(device) {}
  ~MemoryPool() { release(); }

  /// Throws DeviceMemoryError when neither the device nor the pool has so much.
  void* take(std::size_t bytes);
  void give(void* pointer, std::size_t bytes) noexcept;
  /// Returns all pooled memory to the device.
  void release() noexcept;
  MemoryCounts counts() const;

 private:
  static std::size_t sizeClass(std::size_t bytes);

  Device& device_;
  mutable std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> free_;
  MemoryCounts counts_;
};

}  // namespace latino
