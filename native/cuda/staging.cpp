#include "cuda/staging.h"

#include <cstring>
#include <string>

#include "tensor/error.h"

namespace latino {

void* Staging::Source::allocateRaw(std::size_t bytes) {
  const CurrentGpu current(gpu_);
  void* pointer = nullptr;
  const cudaError_t error = cudaMallocHost(&pointer, bytes);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it is no error of what comes after
    throw DeviceMemoryError("Expected " + std::to_string(bytes) + " bytes of pinned memory but there are fewer");
  }
  requireSuccess(error, "Taking pinned memory");
  return pointer;
}

void Staging::Source::freeRaw(void* pointer, std::size_t) noexcept {
  const CurrentGpu current(gpu_);
  cudaFreeHost(pointer);
}

Staging::~Staging() { reclaim(); }

void Staging::upload(void* device, const void* host, std::size_t bytes, cudaStream_t stream) {
  reclaim();
  void* block = blocks_.take(bytes);
  std::memcpy(block, host, bytes);
  const std::lock_guard lock(mutex_);
  try {
    requireSuccess(cudaMemcpyAsync(device, block, bytes, cudaMemcpyHostToDevice, stream), "An upload");
    uploads_.emplace_back(block, bytes, stream);
  } catch (...) {
    blocks_.give(block, bytes);
    throw;
  }
}

std::shared_ptr<void> Staging::lend(std::size_t bytes) {
  return {blocks_.take(bytes), [self = shared_from_this(), bytes](void* block) { self->blocks_.give(block, bytes); }};
}

void Staging::reclaim() noexcept {
  const std::lock_guard lock(mutex_);
  for (; !uploads_.empty() && uploads_.front().copied.isReached(); uploads_.pop_front())
    blocks_.give(uploads_.front().block, uploads_.front().bytes);
}

void Staging::trim() noexcept {
  reclaim();
  blocks_.trim();
}

}  // namespace latino
