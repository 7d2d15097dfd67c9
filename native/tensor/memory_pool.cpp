#include "tensor/memory_pool.h"

#include <algorithm>
#include <bit>

#include "tensor/error.h"

namespace latino {

namespace {
constexpr std::size_t kKeptAtLeast = std::size_t{256} << 20;
}

/// Eight classes per power of two: at most an eighth is wasted.
std::size_t MemoryPool::sizeClass(std::size_t bytes) {
  const std::size_t step = std::max<std::size_t>(256, std::bit_floor(std::max<std::size_t>(bytes, 1)) / 8);
  return (std::max<std::size_t>(bytes, 1) + step - 1) / step * step;
}

void* MemoryPool::take(std::size_t bytes) {
  const std::size_t size = sizeClass(bytes);
  void* pointer = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto found = free_.find(size);
    if (found != free_.end() && !found->second.empty()) {
      pointer = found->second.back();
      found->second.pop_back();
      counts_.pooled -= size;
    }
  }
  if (pointer == nullptr) {
    try {
      pointer = device_.allocateRaw(size);
    } catch (const DeviceMemoryError&) {
      release();
      pointer = device_.allocateRaw(size);
    }
  }
  const std::lock_guard lock(mutex_);
  counts_.inUse += size;
  counts_.peak = std::max(counts_.peak, counts_.inUse);
  return pointer;
}

void MemoryPool::give(void* pointer, std::size_t bytes) noexcept {
  const std::size_t size = sizeClass(bytes);
  {
    const std::lock_guard lock(mutex_);
    counts_.inUse -= size;
    if (counts_.pooled + size <= std::max(kKeptAtLeast, counts_.inUse)) {
      try {
        free_[size].push_back(pointer);
        counts_.pooled += size;
        return;
      } catch (const std::bad_alloc&) {  // no room to remember it: give it back
      }
    }
  }
  device_.freeRaw(pointer);
  release();  // what is pooled by now was for a larger job than this
}

void MemoryPool::release() noexcept {
  const std::lock_guard lock(mutex_);
  for (auto& [size, pointers] : free_) {
    for (void* pointer : pointers) device_.freeRaw(pointer);
  }
  free_.clear();
  counts_.pooled = 0;
}

MemoryCounts MemoryPool::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace latino
