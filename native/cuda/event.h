// A point in a stream's work.
#pragma once

#include <cuda_runtime.h>

#include "cuda/current_gpu.h"

namespace latino {

class Event {
 public:
  explicit Event(cudaStream_t stream) {
    requireSuccess(cudaEventCreateWithFlags(&handle_, cudaEventDisableTiming), "Making an event");
    record(stream);
  }
  ~Event() { cudaEventDestroy(handle_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  /// Throws what went wrong in the work before it.
  void wait() const { requireSuccess(cudaEventSynchronize(handle_), "Work"); }
  /// Also where something went wrong.
  bool isReached() const { return cudaEventQuery(handle_) != cudaErrorNotReady; }

 private:
  void record(cudaStream_t stream) {
    try {
      requireSuccess(cudaEventRecord(handle_, stream), "Recording an event");
    } catch (...) {
      cudaEventDestroy(handle_);
      throw;
    }
  }

  cudaEvent_t handle_ = nullptr;
};

}  // namespace latino
