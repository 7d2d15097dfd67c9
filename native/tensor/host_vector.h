// Vectors in the host's memory of host_memory.h: each begins at a cache line, so that no two threads share one.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
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

/// Leaves elements that are given no value without one.
template <class T>
struct UnsetHostAllocator : HostAllocator<T> {
  using value_type = T;
  template <class U>
  struct rebind {
    using other = UnsetHostAllocator<U>;
  };

  template <class U>
  void construct(U* /*element*/) const {}
  template <class U, class V>
  void construct(U* element, V&& value) const {
    std::construct_at(element, std::forward<V>(value));
  }
};

/// For what is written before it is read: its memory is touched once.
template <class T>
using UnsetHostVector = std::vector<T, UnsetHostAllocator<T>>;

}  // namespace latino
