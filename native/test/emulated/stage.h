// What the tests of the emulated device do on it, by the runtime's interface.
#pragma once

#include <cuda_runtime.h>
#include <cufft.h>
#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>

namespace latino::emulation {

/// What a process that runs `program` says as it is ended for breaking a rule; empty where it comes to its end.
std::string brokenBy(const std::function<void()>& program);
inline bool says(const std::string& said, const char* what) { return said.find(what) != std::string::npos; }

struct Stream {
  cudaStream_t handle = nullptr;
  Stream() { REQUIRE(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking) == cudaSuccess); }
  ~Stream() { cudaStreamDestroy(handle); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return handle; }  // NOLINT(google-explicit-constructor): as the runtime's functions take it
};

inline float* floats(cudaStream_t stream, std::int64_t count) {
  void* pointer = nullptr;
  REQUIRE(cudaMallocAsync(&pointer, static_cast<std::size_t>(count) * sizeof(float), stream) == cudaSuccess);
  return static_cast<float*>(pointer);
}

/// Pinned.
struct HostFloat {
  float* value = nullptr;
  HostFloat() { REQUIRE(cudaMallocHost(reinterpret_cast<void**>(&value), sizeof(float)) == cudaSuccess); }
  ~HostFloat() { cudaFreeHost(value); }
  HostFloat(const HostFloat&) = delete;
  HostFloat& operator=(const HostFloat&) = delete;
};

struct Extent {
  unsigned blocks, threads;
  std::size_t sharedBytes = 0;
};

template <class... Parameters>
cudaError_t launch(cudaStream_t stream, Extent extent, void (*kernel)(Parameters...), std::type_identity_t<Parameters>... arguments) {
  void* addresses[] = {&arguments...};
  return cudaLaunchKernel(kernel, dim3(extent.blocks), dim3(extent.threads), addresses, extent.sharedBytes, stream);
}

inline __global__ void fill(float* x, std::int64_t n, float value) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) x[i] = value;
}

/// A transform of 4 x 4 on the stream, which has yet to be lent memory to work in.
inline cufftHandle planOf(cufftType type, cudaStream_t stream) {
  cufftHandle plan = 0;
  std::size_t bytes = 0;
  long long sides[2] = {4, 4};
  cufftCreate(&plan);
  cufftSetAutoAllocation(plan, 0);
  cufftMakePlanMany64(plan, 2, sides, nullptr, 1, 0, nullptr, 1, 0, type, 1, &bytes);
  cufftSetStream(plan, stream);
  return plan;
}

/// Of the work on a stream so far: the number there, once it is done.
inline float valueOf(const float* x, cudaStream_t stream) {
  const HostFloat host;
  REQUIRE(cudaMemcpyAsync(host.value, x, sizeof(float), cudaMemcpyDeviceToHost, stream) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(stream) == cudaSuccess);
  return *host.value;
}

}  // namespace latino::emulation
