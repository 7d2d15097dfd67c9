// The device of the CUDA flavour: a GPU's memory, and one stream on which everything runs in order.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <memory>
#include <string>
#include <type_traits>

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

  /// Ordered on the stream, as kernels are: memory that is freed here may still be read by what was launched before.
  void* allocateRaw(std::size_t bytes) override;
  void freeRaw(void* pointer, std::size_t bytes) noexcept override;
  void finish() override;

  cudaStream_t stream() const { return stream_.get(); }
  cublasHandle_t blas() const { return blas_.get(); }

 protected:
  void copyIn(void* device, const void* host, std::size_t bytes) override;
  void copyOut(void* host, const void* device, std::size_t bytes) override;
  void returnFreed() noexcept override;

 private:
  struct Destroy {
    void operator()(cudaStream_t stream) const { cudaStreamDestroy(stream); }
    void operator()(cublasHandle_t blas) const { cublasDestroy(blas); }
  };

  int index_;
  cudaMemPool_t memory_ = nullptr;
  std::unique_ptr<std::remove_pointer_t<cudaStream_t>, Destroy> stream_;
  std::unique_ptr<std::remove_pointer_t<cublasHandle_t>, Destroy> blas_;
};

/// Throws DeviceError where there is no such GPU, or no driver.
std::shared_ptr<Device> openCudaDevice(int index = 0);

/// Of this flavour, which has no other kind.
inline CudaDevice& cudaOf(Device& device) { return static_cast<CudaDevice&>(device); }

/// Throws RuntimeError, which says what was being done, unless a call went well.
void requireSuccess(cudaError_t error, const char* what);
void requireSuccess(cublasStatus_t status, const char* what);

}  // namespace latino
