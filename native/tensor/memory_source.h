// Where memory comes from, and who keeps some of it for later.
#pragma once

#include <cstddef>

namespace latino {

/// Memory as a device or the host gives it.
class MemorySource {
 public:
  virtual ~MemorySource() = default;

  /// Aligned to at least 64 bytes. Throws DeviceMemoryError.
  virtual void* allocateRaw(std::size_t bytes) = 0;
  virtual void freeRaw(void* pointer, std::size_t bytes) noexcept = 0;
};

/// Keeps memory because the next task may want it.
class KeptMemory {
 public:
  virtual ~KeptMemory() = default;

  virtual std::size_t keptBytes() const = 0;
  /// Gives back what is worth keeping in the middle of work only; called where there is none.
  virtual void trim() noexcept = 0;
  /// Gives back, also in the middle of work, what costs nothing but page faults to have again.
  virtual void trimFree() noexcept {}
};

}  // namespace latino
