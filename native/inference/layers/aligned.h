// Memory whose vectors each lie in one cache line, and of which threads share no line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace latino::layers {

inline constexpr std::size_t kCacheLine = 64;

template <class T>
struct CacheAligned {
  using value_type = T;

  CacheAligned() = default;
  template <class U>
  CacheAligned(const CacheAligned<U>&) {}  // NOLINT(google-explicit-constructor): containers convert allocators

  // Versions of clang-format differ about a blank after operator new.
  // clang-format off
  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t{kCacheLine})); }
  void deallocate(T* memory, std::size_t) { ::operator delete(memory, std::align_val_t{kCacheLine}); }
  // clang-format on
  template <class U>
  bool operator==(const CacheAligned<U>&) const {
    return true;
  }
};

template <class T>
using AlignedVector = std::vector<T, CacheAligned<T>>;

/// Scratch of one thread, kept between runs.
inline float* scratch(AlignedVector<float>& memory, std::int64_t count) {
  if (static_cast<std::int64_t>(memory.size()) < count) memory.resize(static_cast<std::size_t>(count));
  return memory.data();
}

}  // namespace latino::layers
