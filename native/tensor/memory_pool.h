// Keeps freed memory for the next tensor of about the same size.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "tensor/memory_source.h"

namespace latino {

struct MemoryCounts {
  std::size_t inUse = 0, pooled = 0, peak = 0;  // bytes
};

/// Keeps at most twice as much as has been in use at once since it was last trimmed, what was given back last first: enough for work that
/// goes on as it did. May be used from any thread.
class MemoryPool final : public KeptMemory {
 public:
  enum class Keeps { whatWasInUse, nothing };

  /// The source outlives the pool. One that keeps memory itself wants a pool that keeps nothing, and only counts.
  explicit MemoryPool(MemorySource& source, Keeps keeps = Keeps::whatWasInUse) : source_(source), keeps_(keeps) {}
  ~MemoryPool() override { trim(); }
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  /// Throws DeviceMemoryError when neither the source nor the pool has so much.
  void* take(std::size_t bytes);
  void give(void* pointer, std::size_t bytes) noexcept;
  std::size_t keptBytes() const override { return counts().pooled; }
  /// Gives all pooled memory back.
  void trim() noexcept override;
  void trimFree() noexcept override { trim(); }
  MemoryCounts counts() const;

 private:
  struct Block {
    std::size_t size;
    void* pointer;
  };
  std::size_t sizeClass(std::size_t bytes) const;
  void* reuse(std::size_t size);

  MemorySource& source_;
  Keeps keeps_;
  mutable std::mutex mutex_;
  std::vector<Block> free_;  // in the order in which they were given back: few enough to be looked through
  MemoryCounts counts_;
  std::size_t recentPeak_ = 0;
};

}  // namespace latino
