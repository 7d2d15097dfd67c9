// The part of CUDA's runtime that the library uses.
#include <cuda_runtime.h>

#include <cstring>
#include <string>
#include <utility>

#include "emulation/fault.h"
#include "emulation/grid.h"
#include "emulation/world.h"

using namespace latino::emulation;

namespace {

/// Of each GPU.
constexpr std::size_t kMemory = std::size_t{4} << 30;

thread_local cudaError_t lastError = cudaSuccess;

cudaError_t failed(cudaError_t error) {
  if (error != cudaSuccess) lastError = error;
  return error;
}

Gpu& gpuOf(int index) { return world().gpus[static_cast<std::size_t>(index)]; }

/// call() unless the GPU is lost, which all calls say from then on.
template <class F>
cudaError_t onGpu(int index, F call) {
  const Lock lock(world().mutex);
  if (const cudaError_t lost = gpuOf(index).lost; lost != cudaSuccess) return failed(lost);
  return failed(call());
}
template <class F>
cudaError_t onGpu(F call) {
  return onGpu(currentGpu(), call);
}

}  // namespace

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = static_cast<int>(world().gpus.size());
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = currentGpu();
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  currentGpu() = device;
  return failed(gpuOf(device).lost);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::strcpy(properties->name, "emulated");
  properties->multiProcessorCount = 4;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  if (attribute != cudaDevAttrMultiProcessorCount) broken("an attribute of a device that is not emulated");
  *value = 4;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() { return std::exchange(lastError, gpuOf(currentGpu()).lost); }
const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorIllegalAddress:
      return "an illegal memory access was encountered";
    case cudaErrorLaunchOutOfResources:
      return "too many resources requested for launch";
    case cudaErrorInvalidValue:
      return "invalid argument";
    default:
      return "another error";
  }
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (flags != cudaStreamNonBlocking) broken("a stream that waits for the default one");
  return onGpu([&] {
    *stream = new CUstream_st{std::make_shared<Work>()};
    (*stream)->work->gpu = currentGpu();
    return cudaSuccess;
  });
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Lock lock(world().mutex);
  Work& work = workOf(stream);
  runUntil(work, work.enqueued);
  delete stream;
  return gpuOf(currentGpu()).lost;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return onGpu([&] {
    beginWait("cudaStreamSynchronize");
    Work& work = workOf(stream);
    runUntil(work, work.enqueued);
    return gpuOf(currentGpu()).lost;
  });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return onGpu([&] {
    if (event->work) enqueue(workOf(stream), [first = event->work, point = event->point] { runUntil(*first, point); });
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return onGpu([&] {
    *event = new CUevent_st;
    return cudaSuccess;
  });
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return onGpu([&] {
    event->point = workOf(stream).enqueued;
    event->work = stream->work;
    return cudaSuccess;
  });
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  const Lock lock(world().mutex);
  if (!event->work) return cudaSuccess;
  if (const cudaError_t lost = gpuOf(event->work->gpu).lost; lost != cudaSuccess) return lost;
  return event->work->done >= event->point ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return onGpu(event->work ? event->work->gpu : currentGpu(), [&] {
    beginWait("cudaEventSynchronize");
    if (!event->work) return cudaSuccess;
    runUntil(*event->work, event->point);
    return gpuOf(event->work->gpu).lost;
  });
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int) {
  *pool = nullptr;
  return cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr, void* value) {
  *static_cast<std::uint64_t*>(value) = 0;
  return cudaSuccess;
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, std::size_t) { return cudaSuccess; }

cudaError_t cudaMallocAsync(void** pointer, std::size_t bytes, cudaStream_t stream) {
  return onGpu([&] {
    Work& work = workOf(stream);
    Gpu& gpu = gpuOf(work.gpu);
    if (failsNow(Call::allocation) || bytes > kMemory - gpu.inUse) return cudaErrorMemoryAllocation;
    gpu.inUse += bytes;
    *pointer = gpu.memory.reserve(bytes);
    enqueue(work, [&gpu, block = *pointer, bytes] { gpu.memory.begin(block, bytes); });
    return cudaSuccess;
  });
}
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  return onGpu([&] {
    Work& work = workOf(stream);
    Gpu& gpu = gpuOf(work.gpu);
    gpu.inUse -= gpu.memory.release(pointer);
    enqueue(work, [&gpu, pointer] { gpu.memory.end(pointer); });
    return cudaSuccess;
  });
}

cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  return onGpu([&] {
    beginWait("cudaMallocHost");
    *pointer = failsNow(Call::allocation) ? nullptr : world().pinned.take(bytes);
    return *pointer == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
  });
}
cudaError_t cudaFreeHost(void* pointer) {
  return onGpu([&] {
    beginWait("cudaFreeHost");
    world().pinned.give(pointer);
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return onGpu([&] {
    Work& work = workOf(stream);
    Gpu& gpu = gpuOf(work.gpu);
    if (failsNow(Call::copy)) return cudaErrorInvalidValue;
    const bool isUpload = kind == cudaMemcpyHostToDevice, isDownload = kind == cudaMemcpyDeviceToHost;
    if (!isUpload && !isDownload && kind != cudaMemcpyDeviceToDevice) broken("a copy from somewhere to somewhere");
    const void* onHost = isUpload ? from : isDownload ? to : nullptr;
    world().counts.uploads += isUpload;
    world().counts.downloads += isDownload;
    if (onHost != nullptr) world().pinned.beginCopy(onHost, bytes);
    if (isDownload) std::memset(to, kNotANumber, bytes);  // whoever does not wait finds no numbers
    enqueue(
        work,
        [=, &gpu] {
          if (!isUpload) gpu.memory.requireRange(from, bytes, "what a copy reads");
          if (!isDownload) gpu.memory.requireRange(to, bytes, "what a copy writes");
          std::memcpy(to, from, bytes);
        },
        [onHost] {
          if (onHost != nullptr) world().pinned.endCopy(onHost);
        });
    return cudaSuccess;
  });
}

}  // extern "C"

cudaError_t latino::emulation::launch(std::function<void()> thread, dim3 grid, dim3 block, std::size_t sharedBytes, cudaStream_t stream) {
  constexpr unsigned kMostThreads = 1024, kMostBlocks = 65535, kMostBlocksX = 2147483647;
  return onGpu([&] {
    Work& work = workOf(stream);
    Gpu& gpu = gpuOf(work.gpu);
    const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z, blocks = std::uint64_t{grid.x} * grid.y * grid.z;
    if (threads == 0 || threads > kMostThreads || block.z > 64 || blocks == 0 || grid.x > kMostBlocksX || grid.y > kMostBlocks ||
        grid.z > kMostBlocks || sharedBytes > kSharedBytes)
      return cudaErrorInvalidConfiguration;
    if (failsNow(Call::launch)) return cudaErrorLaunchOutOfResources;
    ++world().counts.launches;
    enqueue(work, [thread = std::move(thread), grid, block, sharedBytes, &gpu] {
      if (failsNow(Call::execution))
        gpu.lost = cudaErrorIllegalAddress;
      else
        runGrid(thread, grid, block, sharedBytes);
    });
    return cudaSuccess;
  });
}
