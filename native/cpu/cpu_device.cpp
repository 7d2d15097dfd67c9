#include "cpu/cpu_device.h"

#include <cstring>
#include <new>

#include "tensor/error.h"

namespace latino {

namespace {
constexpr std::align_val_t kAlignment{64};  // a cache line, and the widest vector
}

void* CpuDevice::allocateRaw(std::size_t bytes) {
  void* pointer = ::operator new(bytes, kAlignment, std::nothrow);
  if (pointer == nullptr) throw DeviceMemoryError("Expected " + std::to_string(bytes) + " bytes of free memory on cpu but there are fewer");
  return pointer;
}

void CpuDevice::freeRaw(void* pointer) noexcept { ::operator delete(pointer, kAlignment); }

void CpuDevice::copyIn(void* device, const void* host, std::size_t bytes) { std::memcpy(device, host, bytes); }
void CpuDevice::copyOut(void* host, const void* device, std::size_t bytes) { std::memcpy(host, device, bytes); }

std::shared_ptr<Device> openCpuDevice(unsigned threads) { return std::make_shared<CpuDevice>(threads); }

}  // namespace latino
