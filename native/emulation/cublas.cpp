// The part of cuBLAS that the library uses: products in float32.
#include <cublas_v2.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>

#include "emulation/fault.h"
#include "emulation/world.h"

using namespace latino::emulation;

struct cublasContext {
  int gpu;
  cudaStream_t stream = nullptr;
  bool isExact = false;
};

namespace {

/// Floats from the first to the last of `count` column-major matrices [rows, columns].
std::size_t bytesOf(std::int64_t rows, std::int64_t columns, std::int64_t leading, std::int64_t stride, std::int64_t count) {
  return static_cast<std::size_t>((count - 1) * stride + (columns - 1) * leading + rows) * sizeof(float);
}

using Matrices = Eigen::Map<const Eigen::MatrixXf, 0, Eigen::OuterStride<>>;
using Product = Eigen::Map<Eigen::MatrixXf, 0, Eigen::OuterStride<>>;

}  // namespace

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  const Lock lock(world().mutex);
  beginWait("cublasCreate");
  *handle = new cublasContext{currentGpu()};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  handle->isExact = mode == CUBLAS_PEDANTIC_MATH;
  return CUBLAS_STATUS_SUCCESS;
}
const char* cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_INVALID_VALUE ? "CUBLAS_STATUS_INVALID_VALUE" : "another status";
}

cublasStatus_t cublasSgemmStridedBatched_64(cublasHandle_t handle, cublasOperation_t ofA, cublasOperation_t ofB, std::int64_t m,
                                            std::int64_t n, std::int64_t k, const float* alpha, const float* a, std::int64_t lda,
                                            long long strideA, const float* b, std::int64_t ldb, long long strideB, const float* beta,
                                            float* c, std::int64_t ldc, long long strideC, std::int64_t count) {
  const Lock lock(world().mutex);
  if (ofA != CUBLAS_OP_N || ofB != CUBLAS_OP_N || *beta != 0) broken("a product of a kind that is not emulated");
  if (!handle->isExact) broken("a product that may use TF32");
  if (handle->gpu != currentGpu()) broken("a handle of cuBLAS of another GPU");
  if (m < 0 || n < 0 || k < 0 || count < 0 || lda < std::max<std::int64_t>(1, m) || ldb < std::max<std::int64_t>(1, k) ||
      ldc < std::max<std::int64_t>(1, m))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (m == 0 || n == 0 || count == 0) return CUBLAS_STATUS_SUCCESS;
  if (strideC < ldc * (n - 1) + m && count > 1) broken("products of a batch that overlap");
  Work& work = workOf(handle->stream);
  ++world().counts.launches;
  enqueue(work, [=, factor = *alpha, &memory = world().gpus[static_cast<std::size_t>(work.gpu)].memory] {
    memory.requireRange(a, bytesOf(m, k, lda, strideA, count), "the first factor of a product");
    memory.requireRange(b, bytesOf(k, n, ldb, strideB, count), "the second factor of a product");
    memory.requireRange(c, bytesOf(m, n, ldc, strideC, count), "a product");
    for (std::int64_t i = 0; i < count; ++i) {
      const Matrices first(a + i * strideA, m, k, Eigen::OuterStride<>(lda)), second(b + i * strideB, k, n, Eigen::OuterStride<>(ldb));
      Product(c + i * strideC, m, n, Eigen::OuterStride<>(ldc)).noalias() = factor * first * second;
    }
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // extern "C"
