// The device of the CPU flavour: the host's memory, and threads that share a loop.
#pragma once

#include "cpu/thread_pool.h"
#include "tensor/device.h"

namespace latino {

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(unsigned threads) : threads_(threads) {}
  ~CpuDevice() override { shutdown(); }

  DeviceKind kind() const override { return DeviceKind::cpu; }
  int index() const override { return 0; }
  std::string name() const override { return "cpu"; }
  unsigned threadCount() const override { return threads_.size(); }

  void* allocateRaw(std::size_t bytes) override;
  void freeRaw(void* pointer, std::size_t bytes) noexcept override;
  void whenDone(Completion then) override { then(nullptr); }

  ThreadPool& threads() { return threads_; }

 protected:
  void copyIn(void* device, const void* host, std::size_t bytes) override;
  void copyOut(void* host, const void* device, std::size_t bytes) override;
  void readOut(const void* device, std::size_t, std::function<void(const void*, std::exception_ptr)> then) override {
    then(device, nullptr);
  }
  void returnFreed() noexcept override;

 private:
  ThreadPool threads_;
};

/// `threads` 0 takes every core the process may use.
std::shared_ptr<Device> openCpuDevice(unsigned threads = 0);

/// The threads of a device of this flavour, which has no other kind.
inline ThreadPool& threadsOf(Device& device) { return static_cast<CpuDevice&>(device).threads(); }

}  // namespace latino
