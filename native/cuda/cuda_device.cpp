#include "cuda/cuda_device.h"

#include <cstdint>
#include <cstring>
#include <utility>

#include "cuda/event.h"
#include "cuda/stream.h"
#include "tensor/error.h"

namespace latino {

namespace {

int requireDevice(int index) {
  int count = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess)
    throw DeviceError("Expected an NVIDIA GPU for cuda:" + std::to_string(index) +
                      " but there is none that can be used: " + cudaGetErrorString(error));
  if (index < 0 || index >= count)
    throw DeviceError("Expected cuda:0 to cuda:" + std::to_string(count - 1) + " for device but received cuda:" + std::to_string(index));
  return index;
}

}  // namespace

void requireSuccess(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  requireSuccess(cudaGetLastError(), what);
  throw RuntimeError(std::string(what) + " failed in cuBLAS: " + cublasGetStatusString(status));
}

CudaDevice::DriverPool::DriverPool(int gpu) {
  std::uint64_t everything = UINT64_MAX;
  requireSuccess(cudaDeviceGetDefaultMemPool(&pool_, gpu), "Asking for memory");
  // Else it would hand memory back, and take it anew, whenever somebody waits.
  requireSuccess(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &everything), "Asking for memory");
}

std::size_t CudaDevice::DriverPool::keptBytes() const {
  std::uint64_t reserved = 0, used = 0;
  cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrReservedMemCurrent, &reserved);
  cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrUsedMemCurrent, &used);
  return reserved - used;
}

CudaDevice::CudaDevice(int index) : Device(MemoryPool::Keeps::nothing), index_(requireDevice(index)) {
  const CurrentGpu current(index_);
  cudaStream_t stream = nullptr;
  requireSuccess(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "Making a stream");
  stream_.reset(stream);
  driverPool_ = std::make_shared<DriverPool>(index_);
  staging_ = std::make_shared<Staging>(index_);
  completions_ = std::make_unique<Queue>();
  alsoTrim(driverPool_);
  alsoTrim(staging_);
  for (Queue* each : {&queue(), completions_.get()}) each->enqueue([index] { cudaSetDevice(index); });
}

CudaDevice::~CudaDevice() {
  shutdown();
  const auto end = [this] {
    cudaStreamSynchronize(stream());
    staging_->trim();
    blas_.reset();
    stream_.reset();
  };
  // On the thread that waits anyway, whose calls go to this GPU. Who lets go of a device last waits for that thread.
  if (completions_->onQueueThread())
    end();
  else
    completions_->enqueue(end);
  completions_.reset();
}

void* CudaDevice::allocateRaw(std::size_t bytes) {
  const CurrentGpu current(index_);
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
  const CurrentGpu current(index_);
  cudaFreeAsync(pointer, stream());
}

void CudaDevice::whenDone(Completion then) {
  completions_->enqueue([event = std::make_shared<Event>(stream()), then = std::move(then)] {
    std::exception_ptr error;
    try {
      event->wait();
    } catch (...) {
      error = std::current_exception();
    }
    then(error);
  });
}

cublasHandle_t CudaDevice::blas() {
  if (blas_) return blas_.get();
  cublasHandle_t blas = nullptr;
  requireSuccess(cublasCreate(&blas), "Starting");
  blas_.reset(blas);
  requireSuccess(cublasSetStream(blas, stream()), "Setting the stream");
  // Products are in float32 throughout: no TF32.
  requireSuccess(cublasSetMathMode(blas, CUBLAS_PEDANTIC_MATH), "Setting the precision");
  return blas;
}

void CudaDevice::copyIn(void* device, const void* host, std::size_t bytes) { staging_->upload(device, host, bytes, stream()); }

void CudaDevice::copyOut(void* host, const void* device, std::size_t bytes) {
  const auto block = staging_->lend(bytes);
  requireSuccess(cudaMemcpyAsync(block.get(), device, bytes, cudaMemcpyDeviceToHost, stream()), "A download");
  requireSuccess(cudaStreamSynchronize(stream()), "Work");
  std::memcpy(host, block.get(), bytes);
}

void CudaDevice::readOut(const void* device, std::size_t bytes, std::function<void(const void*, std::exception_ptr)> then) {
  const auto block = staging_->lend(bytes);
  requireSuccess(cudaMemcpyAsync(block.get(), device, bytes, cudaMemcpyDeviceToHost, stream()), "A download");
  whenDone([block, then = std::move(then)](const std::exception_ptr& error) { then(error ? nullptr : block.get(), error); });
}

std::shared_ptr<Device> openCudaDevice(int index) { return std::make_shared<CudaDevice>(index); }

cudaStream_t cudaStreamOf(Device& device) { return cudaOf(device).stream(); }

}  // namespace latino
