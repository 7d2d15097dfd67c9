#include "cuda/current_gpu.h"

#include <string>

#include "tensor/error.h"

namespace latino {

namespace {

/// Errors after which a process can do nothing on that GPU.
bool isLoss(cudaError_t error) {
  switch (error) {
    case cudaErrorIllegalAddress:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorIllegalInstruction:
    case cudaErrorInvalidPc:
    case cudaErrorHardwareStackError:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorDevicesUnavailable:
      return true;
    default:
      return false;
  }
}

}  // namespace

void requireSuccess(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // it is no error of what comes after
  if (!isLoss(error)) throw RuntimeError(std::string(what) + " failed on the GPU: " + cudaGetErrorString(error));
  int index = 0;
  cudaGetDevice(&index);
  throw DeviceError("Expected cuda:" + std::to_string(index) + " to work but it is lost to this process: " + cudaGetErrorString(error) +
                    "; open another device, or begin again in a new process");
}

}  // namespace latino
