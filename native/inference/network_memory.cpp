#include "inference/network_memory.h"

#include <cstddef>

namespace latino {

namespace {

/// ONNX Runtime does not tell the size of what it gives back: it stands before the memory, which keeps the alignment.
struct alignas(64) Header {
  std::size_t bytes;
};

}  // namespace

NetworkMemory& NetworkMemory::ofProcess() {
  static auto* instance = new NetworkMemory;  // never destroyed: sessions may outlive static destruction
  return *instance;
}

NetworkMemory::NetworkMemory()
    : ort::Allocator{}, pool_(std::make_shared<MemoryPool>(source_)), info_(ort::hostMemory(ort::kDeviceAllocator)) {
  version = ort::kCustomOpVersion;
  allocate = [](ort::Allocator* self, std::size_t bytes) { return static_cast<NetworkMemory*>(self)->take(bytes); };
  free = [](ort::Allocator* self, void* pointer) { static_cast<NetworkMemory*>(self)->give(pointer); };
  getInfo = [](const ort::Allocator* self) -> const ort::MemoryInfo* { return static_cast<const NetworkMemory*>(self)->info_.get(); };
}

void* NetworkMemory::take(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  const std::size_t all = bytes + sizeof(Header);
  return new (pool_->take(all)) Header{all} + 1;
}

void NetworkMemory::give(void* pointer) noexcept {
  if (pointer == nullptr) return;
  Header* header = static_cast<Header*>(pointer) - 1;
  pool_->give(header, header->bytes);
}

}  // namespace latino
