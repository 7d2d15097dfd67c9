#include "tensor/memory_pool.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <new>

#include "tensor/error.h"

namespace latino {

namespace {
/// Networks that take turns want blocks of different sizes: with no more than was in use at once, each would drive out those of the last.
constexpr std::size_t kKeptShare = 2;
}  // namespace

/// Eight classes per power of two: at most an eighth is wasted.
std::size_t MemoryPool::sizeClass(std::size_t bytes) const {
  if (keeps_ == Keeps::nothing) return bytes;
  const std::size_t step = std::max<std::size_t>(256, std::bit_floor(std::max<std::size_t>(bytes, 1)) / 8);
  return (std::max<std::size_t>(bytes, 1) + step - 1) / step * step;
}

/// A pooled block of just this size, or null. The last is the likeliest to be in a cache.
void* MemoryPool::reuse(std::size_t size) {
  const auto found = std::find_if(free_.rbegin(), free_.rend(), [size](const Block& block) { return block.size == size; });
  if (found == free_.rend()) return nullptr;
  void* pointer = found->pointer;
  free_.erase(std::prev(found.base()));
  counts_.pooled -= size;
  return pointer;
}

void* MemoryPool::take(std::size_t bytes) {
  const std::size_t size = sizeClass(bytes);
  void* pointer = nullptr;
  {
    const std::lock_guard lock(mutex_);
    pointer = reuse(size);
  }
  if (pointer == nullptr) {
    try {
      pointer = source_.allocateRaw(size);
    } catch (const DeviceMemoryError&) {
      if (keeps_ == Keeps::nothing) throw;
      trim();
      pointer = source_.allocateRaw(size);
    }
  }
  const std::lock_guard lock(mutex_);
  counts_.inUse += size;
  counts_.peak = std::max(counts_.peak, counts_.inUse);
  recentPeak_ = std::max(recentPeak_, counts_.inUse);
  return pointer;
}

void MemoryPool::give(void* pointer, std::size_t bytes) noexcept {
  const std::size_t size = sizeClass(bytes);
  const std::lock_guard lock(mutex_);
  counts_.inUse -= size;
  if (keeps_ == Keeps::nothing) return source_.freeRaw(pointer, size);
  try {
    free_.push_back({size, pointer});
    counts_.pooled += size;
  } catch (const std::bad_alloc&) {  // no room to remember it: give it back
    source_.freeRaw(pointer, size);
  }
  auto kept = free_.begin();
  for (; counts_.pooled > kKeptShare * recentPeak_; ++kept) {
    source_.freeRaw(kept->pointer, kept->size);
    counts_.pooled -= kept->size;
  }
  free_.erase(free_.begin(), kept);
}

void MemoryPool::trim() noexcept {
  const std::lock_guard lock(mutex_);
  for (const Block& block : free_) source_.freeRaw(block.pointer, block.size);
  free_ = {};
  counts_.pooled = 0;
  recentPeak_ = counts_.inUse;
}

MemoryCounts MemoryPool::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace latino
