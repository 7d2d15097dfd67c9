// Vectors in the host's memory of host_memory.h: each begins at a cache line, so that no two threads share one.
#pragma once

#include <cstddef>
#include <vector>

#include "tensor/host_memory.h"

namespace latino {

template <class T>
struct HostAllocator {
  using value_type = T;

  HostAllocator() = default;
  template <class U>
  HostAllocator(const HostAllocator<U>&) {}  // NOLINT(google-explicit-constructor): containers convert allocators

  T* allocate(std::size_t count) { return static_cast<T*>(allocateHost(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) { freeHost(memory, count * sizeof(T)); }
  template <class U>
  bool operator==(const HostAllocator<U>&) const {
    return true;
  }
};

template <class T>
using HostVector = std::vector<T, HostAllocator<T>>;

}  // namespace latino
