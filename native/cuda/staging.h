// Memory of the host that a GPU copies from and to while nobody waits.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "cuda/event.h"
#include "tensor/memory_pool.h"

namespace latino {

/// Pinned memory, which is dear to get, so it is kept until the device is idle. May be used from any thread.
class Staging final : public KeptMemory, public std::enable_shared_from_this<Staging> {
 public:
  explicit Staging(int gpu) : source_(gpu), blocks_(source_) {}
  ~Staging() override;

  /// The host's memory is free again when this returns.
  void upload(void* device, const void* host, std::size_t bytes, cudaStream_t stream);

  /// Comes back when its last holder is gone.
  std::shared_ptr<void> lend(std::size_t bytes);

  std::size_t keptBytes() const override { return blocks_.keptBytes(); }
  void trim() noexcept override;

 private:
  class Source final : public MemorySource {
   public:
    explicit Source(int gpu) : gpu_(gpu) {}
    void* allocateRaw(std::size_t bytes) override;
    void freeRaw(void* pointer, std::size_t bytes) noexcept override;

   private:
    int gpu_;
  };
  struct Upload {
    Upload(void* from, std::size_t size, cudaStream_t stream) : block(from), bytes(size), copied(stream) {}
    void* block;
    std::size_t bytes;
    Event copied;
  };
  /// Takes back the blocks of uploads that are done.
  void reclaim() noexcept;

  Source source_;
  MemoryPool blocks_;
  std::mutex mutex_;
  std::deque<Upload> uploads_;  // in the stream's order
};

}  // namespace latino
