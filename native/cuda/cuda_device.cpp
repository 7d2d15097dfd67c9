#include "cuda/cuda_device.h"

#include <cstdint>

#include "cuda/stream.h"
#include "tensor/error.h"

namespace latino {

namespace {

/// The GPU that calls of a thread go to, for as long as this lives.
class Current {
 public:
  explicit Current(int index) {
    cudaGetDevice(&before_);
    if (before_ != index) cudaSetDevice(index);
  }
  ~Current() { cudaSetDevice(before_); }
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

 private:
  int before_ = 0;
};

int requireDevice(int index) {
  int count = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess)
    throw DeviceError(std::string("Expected an NVIDIA GPU but there is none that can be used: ") + cudaGetErrorString(error));
  if (index < 0 || index >= count)
    throw DeviceError("Expected cuda:0 to cuda:" + std::to_string(count - 1) + " for device but received cuda:" + std::to_string(index));
  return index;
}

}  // namespace

void requireSuccess(cudaError_t error, const char* what) {
  if (error != cudaSuccess) throw RuntimeError(std::string(what) + " failed on the GPU: " + cudaGetErrorString(error));
}

void requireSuccess(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS) throw RuntimeError(std::string(what) + " failed in cuBLAS: " + cublasGetStatusString(status));
}

CudaDevice::CudaDevice(int index) : index_(requireDevice(index)) {
  const Current current(index_);
  cudaStream_t stream = nullptr;
  requireSuccess(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "Making a stream");
  stream_.reset(stream);
  // The driver keeps what is freed until returnFreed; else it would hand it back, and take it anew, whenever somebody waits.
  std::uint64_t everything = UINT64_MAX;
  requireSuccess(cudaDeviceGetDefaultMemPool(&memory_, index_), "Asking for memory");
  requireSuccess(cudaMemPoolSetAttribute(memory_, cudaMemPoolAttrReleaseThreshold, &everything), "Asking for memory");
  cublasHandle_t blas = nullptr;
  requireSuccess(cublasCreate(&blas), "Starting");
  blas_.reset(blas);
  requireSuccess(cublasSetStream(blas, stream), "Setting the stream");
  // Products are in float32 throughout: no TF32.
  requireSuccess(cublasSetMathMode(blas, CUBLAS_PEDANTIC_MATH), "Setting the precision");
  queue().enqueue([index] { cudaSetDevice(index); });
}

CudaDevice::~CudaDevice() {
  shutdown();
  const Current current(index_);
  cudaStreamSynchronize(stream());
  blas_.reset();
  stream_.reset();
}

void* CudaDevice::allocateRaw(std::size_t bytes) {
  const Current current(index_);
  void* pointer = nullptr;
  const cudaError_t error = cudaMallocAsync(&pointer, bytes, stream());
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it is no error of what comes after
    throw DeviceMemoryError("Expected " + std::to_string(bytes) + " bytes of free memory on " + name() + " but there are fewer");
  }
  requireSuccess(error, "Taking memory");
  return pointer;
}

void CudaDevice::freeRaw(void* pointer, std::size_t) noexcept {
  const Current current(index_);
  cudaFreeAsync(pointer, stream());
}

void CudaDevice::returnFreed() noexcept {
  cudaStreamSynchronize(stream());
  cudaMemPoolTrimTo(memory_, 0);
}

void CudaDevice::finish() { requireSuccess(cudaStreamSynchronize(stream()), "Work"); }

// Host memory that is not pinned is copied before these return: into a buffer of the driver's on the way in, to its end on the way out.

void CudaDevice::copyIn(void* device, const void* host, std::size_t bytes) {
  requireSuccess(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream()), "An upload");
}

void CudaDevice::copyOut(void* host, const void* device, std::size_t bytes) {
  requireSuccess(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream()), "A download");
}

std::shared_ptr<Device> openCudaDevice(int index) { return std::make_shared<CudaDevice>(index); }

cudaStream_t cudaStreamOf(Device& device) { return cudaOf(device).stream(); }

}  // namespace latino
