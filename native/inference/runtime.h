// The one copy of ONNX Runtime in the process, and owners of what it hands out.
#pragma once

#include <memory>
#include <string>

#include "inference/ort_api.h"
#include "tensor/error.h"

namespace latino::ort {

/// The table of functions and the environment; throws RuntimeError before openRuntime.
Table* table();
Env* environment();

/// Throws an error of type E with ONNX Runtime's message.
template <class E>
void check(Status* status) {
  if (status == nullptr) return;
  const std::string message = getErrorMessage(table(), status);
  releaseStatus(table(), status);
  throw E(message);
}

template <auto& release>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    release(table(), pointer);
  }
};
using OwnedSession = std::unique_ptr<Session, Deleter<releaseSession>>;
using OwnedOptions = std::unique_ptr<SessionOptions, Deleter<releaseSessionOptions>>;
using OwnedRunOptions = std::unique_ptr<RunOptions, Deleter<releaseRunOptions>>;
using OwnedValue = std::unique_ptr<Value, Deleter<releaseValue>>;
using OwnedMemoryInfo = std::unique_ptr<MemoryInfo, Deleter<releaseMemoryInfo>>;
using OwnedDomain = std::unique_ptr<CustomOpDomain, Deleter<releaseCustomOpDomain>>;
using OwnedTensorInfo = std::unique_ptr<TensorInfo, Deleter<releaseTensorInfo>>;
using OwnedCudaOptions = std::unique_ptr<CudaOptions, Deleter<releaseCudaOptions>>;
using OwnedBinding = std::unique_ptr<IoBinding, Deleter<releaseIoBinding>>;

/// Memory of the host, from one of its allocators.
OwnedMemoryInfo hostMemory(AllocatorType allocator);

}  // namespace latino::ort
