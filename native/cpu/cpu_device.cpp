#include "cpu/cpu_device.h"

#include <cstring>

#include "tensor/host_memory.h"

namespace latino {

void* CpuDevice::allocateRaw(std::size_t bytes) { return allocateHost(bytes); }
void CpuDevice::freeRaw(void* pointer, std::size_t bytes) noexcept { freeHost(pointer, bytes); }
void CpuDevice::returnFreed() noexcept { returnFreedHost(); }

void CpuDevice::copyIn(void* device, const void* host, std::size_t bytes) { std::memcpy(device, host, bytes); }
void CpuDevice::copyOut(void* host, const void* device, std::size_t bytes) { std::memcpy(host, device, bytes); }

std::shared_ptr<Device> openCpuDevice(unsigned threads) { return std::make_shared<CpuDevice>(threads); }

}  // namespace latino
