// Which GPU the calls of a thread go to, and what they answer.
#pragma once

#include <cuda_runtime.h>

namespace latino {

/// Calls of this thread go to a GPU for as long as this lives.
class CurrentGpu {
 public:
  explicit CurrentGpu(int index) {
    cudaGetDevice(&before_);
    if (before_ != index) cudaSetDevice(index);
  }
  ~CurrentGpu() { cudaSetDevice(before_); }
  CurrentGpu(const CurrentGpu&) = delete;
  CurrentGpu& operator=(const CurrentGpu&) = delete;

 private:
  int before_ = 0;
};

/// Unless a call went well throws RuntimeError, which says what was being done, or DeviceError where the current GPU is lost: what a kernel
/// did wrong is found out later, by whatever is called next, and nothing can be done on that GPU from then on.
void requireSuccess(cudaError_t error, const char* what);

}  // namespace latino
