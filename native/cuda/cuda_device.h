// The device of the CUDA flavour: a GPU's memory, and one stream on which everything runs in order.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <memory>
#include <string>
#include <type_traits>

#include "cuda/current_gpu.h"
#include "cuda/staging.h"
#include "tensor/device.h"

namespace latino {

class CudaDevice final : public Device {
 public:
  /// Throws DeviceError where there is no such GPU, or it is out of order.
  explicit CudaDevice(int index);
  ~CudaDevice() override;

  DeviceKind kind() const override { return DeviceKind::cuda; }
  int index() const override { return index_; }
  std::string name() const override { return "cuda:" + std::to_string(index_); }
  unsigned threadCount() const override { return 1; }

  /// Ordered on the stream, as kernels are: memory that is freed here may still be read by what was launched before. The driver keeps it
  /// for the next task.
  void* allocateRaw(std::size_t bytes) override;
  void freeRaw(void* pointer, std::size_t bytes) noexcept override;
  /// A thread of its own waits, and calls `then`.
  void whenDone(Completion then) override;

  cudaStream_t stream() const { return stream_.get(); }
  /// Made by the first task that wants it: that takes a while.
  cublasHandle_t blas();

 protected:
  void copyIn(void* device, const void* host, std::size_t bytes) override;
  void copyOut(void* host, const void* device, std::size_t bytes) override;
  void readOut(const void* device, std::size_t bytes, std::function<void(const void*, std::exception_ptr)> then) override;
  void returnFreed() noexcept override {}

 private:
  struct Destroy {
    void operator()(cudaStream_t stream) const { cudaStreamDestroy(stream); }
    void operator()(cublasHandle_t blas) const { cublasDestroy(blas); }
  };
  /// What the driver keeps of memory that was freed.
  class DriverPool final : public KeptMemory {
   public:
    explicit DriverPool(int gpu);
    std::size_t keptBytes() const override;
    void trim() noexcept override { cudaMemPoolTrimTo(pool_, 0); }

   private:
    cudaMemPool_t pool_ = nullptr;
  };

  int index_;
  std::unique_ptr<std::remove_pointer_t<cudaStream_t>, Destroy> stream_;
  std::unique_ptr<std::remove_pointer_t<cublasHandle_t>, Destroy> blas_;
  std::shared_ptr<DriverPool> driverPool_;
  std::shared_ptr<Staging> staging_;
  std::unique_ptr<Queue> completions_;
};

/// Throws DeviceError where there is no such GPU, or no driver.
std::shared_ptr<Device> openCudaDevice(int index = 0);

/// Of this flavour, which has no other kind.
inline CudaDevice& cudaOf(Device& device) { return static_cast<CudaDevice&>(device); }

/// Throws RuntimeError, which says what was being done, unless a call went well, and DeviceError where the GPU is lost.
void requireSuccess(cublasStatus_t status, const char* what);

}  // namespace latino
