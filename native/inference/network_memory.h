// Host memory for what passes between the nodes of a network, in place of ONNX Runtime's arena, which keeps for ever what the largest
// picture took.
#pragma once

#include <memory>

#include "inference/ort_api.h"
#include "inference/runtime.h"
#include "tensor/host_memory.h"
#include "tensor/memory_pool.h"

namespace latino {

class NetworkMemory final : public ort::Allocator {
 public:
  /// That of all sessions, which run in turn: what one network has given back, the next may have.
  static NetworkMemory& ofProcess();

  /// What is pooled; trimmed whenever a device that has sessions is idle.
  std::weak_ptr<KeptMemory> pool() const { return pool_; }

 private:
  NetworkMemory();
  void* take(std::size_t bytes);
  void give(void* pointer) noexcept;

  HostMemory source_;
  std::shared_ptr<MemoryPool> pool_;
  ort::OwnedMemoryInfo info_;
};

}  // namespace latino
