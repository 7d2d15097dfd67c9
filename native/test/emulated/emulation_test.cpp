// The rules of the emulated device that spoil a result, or answer with an error.
#include <cublas_v2.h>
#include <cufft.h>
#include <doctest/doctest.h>

#include <cmath>

#include "kernels/launch.h"
#include "test/emulated/stage.h"

using namespace latino::emulation;

namespace {

/// The sum of a block's values, its threads meeting before each round or not.
template <bool Meets>
__global__ void sum(const float* x, float* out) {
  double* parts = latino::blockMemory;
  parts[threadIdx.x] = x[threadIdx.x];
  for (unsigned half = 128; half > 0; half /= 2) {
    if (Meets) __syncthreads();
    if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
  }
  if (threadIdx.x == 0) *out = static_cast<float>(parts[0]);
}

__global__ void count(float* threads) {
  // No other thread of the emulated device runs meanwhile.
  threads[threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)] += 1;
}

}  // namespace

TEST_CASE("memory begins as NaN") {
  const Stream stream;
  CHECK(std::isnan(valueOf(floats(stream, 10) + 9, stream)));
}

TEST_CASE("a result is there once somebody has waited, and not before") {
  const Stream stream;
  float* x = floats(stream, 1);
  launch(stream, {1, 1}, fill, x, 1, 3.0F);
  const HostFloat host;
  *host.value = 1;
  cudaMemcpyAsync(host.value, x, sizeof(float), cudaMemcpyDeviceToHost, stream);
  CHECK(std::isnan(*host.value));
  cudaStreamSynchronize(stream);
  CHECK(*host.value == 3);
}

TEST_CASE("an upload reads the host's memory when it runs") {
  const Stream stream;
  float* x = floats(stream, 1);
  const HostFloat host;
  *host.value = 1;
  cudaMemcpyAsync(x, host.value, sizeof(float), cudaMemcpyHostToDevice, stream);
  *host.value = 2;  // too early
  CHECK(valueOf(x, stream) == 2);
}

TEST_CASE("streams know nothing of each other but by events") {
  const Stream stream, other;
  float* x = floats(stream, 1);
  cudaStreamSynchronize(stream);
  launch(stream, {1, 1}, fill, x, 1, 3.0F);
  CHECK(std::isnan(valueOf(x, other)));
  cudaEvent_t event = nullptr;
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  cudaEventRecord(event, stream);
  launch(stream, {1, 1}, fill, x, 1, 4.0F);
  CHECK(cudaEventQuery(event) == cudaErrorNotReady);
  cudaStreamWaitEvent(other, event, 0);
  CHECK(valueOf(x, other) == 3);  // what comes after the event has not run
  CHECK(cudaEventQuery(event) == cudaSuccess);
  CHECK(valueOf(x, stream) == 4);
  cudaEventDestroy(event);
}

TEST_CASE("threads that do not meet at a barrier sum wrong, whatever the order") {
  for (int round = 0; round < 20; ++round) {
    const Stream stream;
    float *x = floats(stream, 256), *right = floats(stream, 1), *wrong = floats(stream, 1);
    launch(stream, {1, 256}, fill, x, 256, 1.0F);
    launch(stream, {1, 256, 256 * sizeof(double)}, sum<true>, x, right);
    launch(stream, {1, 256, 256 * sizeof(double)}, sum<false>, x, wrong);
    CHECK(valueOf(right, stream) == 256);
    CHECK(valueOf(wrong, stream) != 256);
  }
}

TEST_CASE("every thread of every block runs once, up to the limits of a launch") {
  const Stream stream;
  float* threads = floats(stream, 1024);
  launch(stream, {4, 256}, fill, threads, 1024, 0.0F);
  const auto counting = [&](dim3 grid, dim3 block) {
    void* arguments[] = {&threads};
    return cudaLaunchKernel(count, grid, block, arguments, 0, stream);
  };
  CHECK(counting(dim3(2, 3, 2), dim3(4, 8, 32)) == cudaSuccess);
  for (int i = 0; i < 1024; i += 31) CHECK(valueOf(threads + i, stream) == 12);
  CHECK(counting(dim3(1), dim3(1025)) == cudaErrorInvalidConfiguration);
  CHECK(counting(dim3(1), dim3(2, 2, 65)) == cudaErrorInvalidConfiguration);
  CHECK(counting(dim3(0), dim3(1)) == cudaErrorInvalidConfiguration);
  CHECK(counting(dim3(1, 65536), dim3(1)) == cudaErrorInvalidConfiguration);
  void* arguments[] = {&threads};
  CHECK(cudaLaunchKernel(count, dim3(1), dim3(1), arguments, 49153, stream) == cudaErrorInvalidConfiguration);
  CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration);
  CHECK(cudaGetLastError() == cudaSuccess);
}

TEST_CASE("an inverse transform destroys its input, a transform does not") {
  const Stream stream;
  float *x = floats(stream, 16), *spectrum = floats(stream, 24), *work = floats(stream, 1024);
  launch(stream, {1, 16}, fill, x, 16, 2.0F);
  const auto transform = [&](cufftType type) {
    const cufftHandle plan = planOf(type, stream);
    cufftSetWorkArea(plan, work);
    if (type == CUFFT_R2C)
      cufftExecR2C(plan, x, reinterpret_cast<cufftComplex*>(spectrum));
    else
      cufftExecC2R(plan, reinterpret_cast<cufftComplex*>(spectrum), x);
    cufftDestroy(plan);
  };
  transform(CUFFT_R2C);
  CHECK(valueOf(x, stream) == 2);
  CHECK(valueOf(spectrum, stream) == doctest::Approx(32));
  transform(CUFFT_C2R);
  CHECK(valueOf(x, stream) == doctest::Approx(32));
  CHECK(std::isnan(valueOf(spectrum, stream)));
}

TEST_CASE("products refuse leading dimensions that are too small") {
  const Stream stream;
  cublasHandle_t blas = nullptr;
  cublasCreate(&blas);
  cublasSetStream(blas, stream);
  cublasSetMathMode(blas, CUBLAS_PEDANTIC_MATH);
  const float one = 1, zero = 0;
  const auto multiply = [&](std::int64_t lda, std::int64_t ldb, std::int64_t ldc) {
    return cublasSgemmStridedBatched_64(blas, CUBLAS_OP_N, CUBLAS_OP_N, 4, 3, 2, &one, floats(stream, 8), lda, 0, floats(stream, 6), ldb, 0,
                                        &zero, floats(stream, 12), ldc, 12, 1);
  };
  CHECK(multiply(4, 2, 4) == CUBLAS_STATUS_SUCCESS);
  CHECK(multiply(3, 2, 4) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(multiply(4, 1, 4) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(multiply(4, 2, 3) == CUBLAS_STATUS_INVALID_VALUE);
  cublasDestroy(blas);
}
