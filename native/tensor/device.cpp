#include "tensor/device.h"

#include "tensor/memory_pool.h"

namespace latino {

Device::Device() : pool_(std::make_unique<MemoryPool>(*this)), queue_(std::make_unique<Queue>()) {}

Device::~Device() = default;

void Device::shutdown() noexcept {
  queue_.reset();
  pool_.reset();
}

void Device::copyFromHost(void* device, const void* host, std::size_t bytes) {
  if (bytes == 0) return;  // an empty tensor has no address
  copyIn(device, host, bytes);
  ++uploads_;
  uploadBytes_ += bytes;
}

void Device::copyToHost(void* host, const void* device, std::size_t bytes) {
  if (bytes == 0) return;  // an empty tensor has no address
  copyOut(host, device, bytes);
  ++downloads_;
  downloadBytes_ += bytes;
}

TransferCounts Device::transfers() const { return {uploads_, uploadBytes_, downloads_, downloadBytes_}; }

MemoryCounts Device::memory() const { return pool_->counts(); }

}  // namespace latino
