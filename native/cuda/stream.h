// The stream of a device, for what knows no more of it.
#pragma once

#include <cuda_runtime.h>

#include "tensor/device.h"

namespace latino {

/// Of the CUDA flavour, which has no other kind of device.
cudaStream_t cudaStreamOf(Device& device);

}  // namespace latino
