#include <cstring>
#include <new>

#include "tensor/device.h"
#include "tensor/error.h"

namespace latino {

namespace {

constexpr std::align_val_t kAlignment{64};  // a cache line, and the widest vector

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(unsigned threads) : Device(threads) {}
  ~CpuDevice() override { shutdown(); }

  DeviceKind kind() const override { return DeviceKind::cpu; }
  int index() const override { return 0; }
  std::string name() const override { return "cpu"; }

  void* allocateRaw(std::size_t bytes) override {
    void* pointer = ::operator new(bytes, kAlignment, std::nothrow);
    if (pointer == nullptr)
      throw DeviceMemoryError("Expected " + std::to_string(bytes) + " bytes of free memory on cpu but there are fewer");
    return pointer;
  }
  void freeRaw(void* pointer) noexcept override { ::operator delete(pointer, kAlignment); }
  void finish() override {}

 protected:
  void copyIn(void* device, const void* host, std::size_t bytes) override { std::memcpy(device, host, bytes); }
  void copyOut(void* host, const void* device, std::size_t bytes) override { std::memcpy(host, device, bytes); }
};

}  // namespace

std::shared_ptr<Device> openCpuDevice(unsigned threads) { return std::make_shared<CpuDevice>(threads); }

}  // namespace latino
