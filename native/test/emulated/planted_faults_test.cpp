// Each rule of the emulated device that ends a program: what breaks it, and beside it, where it is not plain, what does not.
#include <cublas_v2.h>
#include <cufft.h>
#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "emulation/world.h"
#include "kernels/launch.h"
#include "test/emulated/stage.h"

using namespace latino::emulation;

namespace {

__global__ void meetSome(float* x) {
  if (threadIdx.x < 3) __syncthreads();
  x[threadIdx.x] = 1;
}

__global__ void share(float* x) {
  latino::blockMemory[threadIdx.x] = 1;
  __syncthreads();
  x[threadIdx.x] = static_cast<float>(latino::blockMemory[blockDim.x - 1 - threadIdx.x]);
}

}  // namespace

TEST_CASE("a program that breaks no rule comes to its end") {
  CHECK(brokenBy([] {
          const Stream stream;
          float* x = floats(stream, 1000);
          launch(stream, {4, 256}, fill, x, 1000, 3.0F);
          const float value = valueOf(x + 999, stream);
          cudaFreeAsync(x, stream);
          if (value != 3) cudaSetDevice(-1);
        }).empty());
}

TEST_CASE("the host must not touch memory of the device") {
  CHECK(says(brokenBy([] {
               const Stream stream;
               volatile float* x = floats(stream, 4);
               launch(stream, {1, 4}, fill, const_cast<float*>(x), 4, 3.0F);
               cudaStreamSynchronize(stream);
               x[0] = 1;
             }),
             "the host touched memory of the device"));
}

TEST_CASE("a kernel must stay within its memory") {
  const auto writing = [](std::int64_t at) {
    return brokenBy([at] {
      const Stream stream;
      float* x = floats(stream, 64);
      launch(stream, {1, 1}, fill, x + at, 1, 3.0F);
      cudaStreamSynchronize(stream);
    });
  };
  CHECK(writing(63).empty());
  CHECK(says(writing(64), "a kernel touched memory that is not there"));
  CHECK(says(writing(-1), "a kernel wrote outside of a block of 256 bytes"));
  CHECK(says(writing(-1200), "a kernel touched memory that is not there"));
  CHECK(says(brokenBy([] {
               const Stream stream;
               float* x = floats(stream, 65);  // its end is not that of a page
               launch(stream, {1, 1}, fill, x + 65, 1, 3.0F);
               cudaStreamSynchronize(stream);
             }),
             "a kernel wrote outside of a block of 260 bytes"));
}

TEST_CASE("memory is there from its allocation to its release, in the order of a stream") {
  CHECK(says(brokenBy([] {
               const Stream stream;
               float* x = floats(stream, 4);
               cudaFreeAsync(x, stream);
               launch(stream, {1, 4}, fill, x, 4, 3.0F);
               cudaStreamSynchronize(stream);
             }),
             "a kernel touched memory that is not there"));
  CHECK(says(brokenBy([] {
               const Stream stream, other;
               float* x = floats(stream, 4);
               launch(other, {1, 4}, fill, x, 4, 3.0F);
               cudaStreamSynchronize(other);
             }),
             "a kernel touched memory that is not there"));
  CHECK(says(brokenBy([] {
               const Stream stream;
               float* x = floats(stream, 4);
               cudaFreeAsync(x, stream);
               cudaFreeAsync(x, stream);
             }),
             "memory was freed that is not there"));
}

TEST_CASE("the default stream is not ours") {
  CHECK(says(brokenBy([] { launch(nullptr, {1, 1}, fill, nullptr, 0, 3.0F); }), "work for the default stream"));
}

TEST_CASE("calls go to the GPU of their stream, on every thread") {
  const auto onThread = [](int gpu) {
    return brokenBy([gpu] {
      cudaSetDevice(1);
      const Stream stream;
      std::thread([&] {
        cudaSetDevice(gpu);
        floats(stream, 4);
      }).join();
    });
  };
  CHECK(onThread(1).empty());
  CHECK(says(onThread(0), "a stream of GPU 1 on a thread whose calls go to GPU 0"));
}

TEST_CASE("copies use pinned memory, which stays until they have run") {
  CHECK(says(brokenBy([] {
               const Stream stream;
               std::vector<float> host(4);
               cudaMemcpyAsync(floats(stream, 4), host.data(), 16, cudaMemcpyHostToDevice, stream);
             }),
             "memory of the host that is not pinned"));
  CHECK(says(brokenBy([] {
               const Stream stream;
               float* x = floats(stream, 1);
               const HostFloat host;
               cudaMemcpyAsync(x, host.value, sizeof(float), cudaMemcpyHostToDevice, stream);
             }),
             "pinned memory was freed before a copy that uses it"));
  CHECK(says(brokenBy([] {
               const Stream stream;
               float* x = floats(stream, 1);
               const HostFloat host;
               cudaMemcpyAsync(x + 64, host.value, sizeof(float), cudaMemcpyHostToDevice, stream);
               cudaStreamSynchronize(stream);
             }),
             "what a copy writes is not within a block of the device"));
}

TEST_CASE("a barrier is for all threads of a block") {
  CHECK(says(brokenBy([] {
               const Stream stream;
               launch(stream, {1, 8}, meetSome, floats(stream, 8));
               cudaStreamSynchronize(stream);
             }),
             "3 threads of a block wait at a barrier that 5 never reach"));
}

TEST_CASE("a block shares no more than its launch asked for") {
  const auto sharing = [](std::size_t asked) {
    return brokenBy([asked] {
      const Stream stream;
      launch(stream, {.blocks = 2, .threads = 8, .sharedBytes = asked * sizeof(double)}, share, floats(stream, 8));
      cudaStreamSynchronize(stream);
    });
  };
  CHECK(sharing(8).empty());
  CHECK(says(sharing(7), "a kernel wrote past the 56 bytes that its blocks share"));
}

TEST_CASE("JavaScript's thread must not wait") {
  const auto waiting = [](bool isForbidden) {
    return brokenBy([isForbidden] {
      const Stream stream;
      forbidWaiting(isForbidden);
      cudaStreamSynchronize(stream);
    });
  };
  CHECK(waiting(false).empty());
  CHECK(says(waiting(true), "cudaStreamSynchronize on a thread that must not wait"));
}

TEST_CASE("a transform works in memory that it was lent") {
  const auto transforming = [](bool isLent, std::int64_t lent) {
    return brokenBy([=] {
      const Stream stream;
      const cufftHandle plan = planOf(CUFFT_R2C, stream);
      if (isLent) cufftSetWorkArea(plan, floats(stream, lent));
      cufftExecR2C(plan, floats(stream, 16), reinterpret_cast<cufftComplex*>(floats(stream, 24)));
      cudaStreamSynchronize(stream);
    });
  };
  CHECK(transforming(true, 1024).empty());
  CHECK(says(transforming(false, 0), "a transform without memory to work in"));
  CHECK(says(transforming(true, 1), "what a transform works in is not within a block of the device"));
}

TEST_CASE("a product's matrices lie within their memory, and it is exact") {
  const auto multiplying = [](cublasMath_t mode, std::int64_t count) {
    return brokenBy([=] {
      const Stream stream;
      cublasHandle_t blas = nullptr;
      cublasCreate(&blas);
      cublasSetStream(blas, stream);
      cublasSetMathMode(blas, mode);
      const float one = 1, zero = 0;
      cublasSgemmStridedBatched_64(blas, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, floats(stream, 16), 4, 0, floats(stream, 32), 4, 16,
                                   &zero, floats(stream, 32), 4, 16, count);
      cudaStreamSynchronize(stream);
      cublasDestroy(blas);
    });
  };
  CHECK(multiplying(CUBLAS_PEDANTIC_MATH, 2).empty());
  CHECK(says(multiplying(CUBLAS_PEDANTIC_MATH, 3), "the second factor of a product is not within a block of the device"));
  CHECK(says(multiplying(CUBLAS_DEFAULT_MATH, 2), "a product that may use TF32"));
}
