// Memory of the host, as the devices of this flavour and the networks on them have it.
#pragma once

#include "tensor/memory_source.h"

namespace latino {

/// Aligned to a cache line, which is also the widest vector. A large block is pages of its own, so that it is the operating system's again
/// once it is freed, wherever the C library's blocks lie. Throws DeviceMemoryError.
void* allocateHost(std::size_t bytes);
void freeHost(void* pointer, std::size_t bytes) noexcept;
/// The C library keeps the pages of freed small blocks: hands them on to the operating system, where that library can.
void returnFreedHost() noexcept;

class HostMemory final : public MemorySource {
 public:
  void* allocateRaw(std::size_t bytes) override { return allocateHost(bytes); }
  void freeRaw(void* pointer, std::size_t bytes) noexcept override { freeHost(pointer, bytes); }
};

}  // namespace latino
