// Runs a functor over an index range on the device that its data is on: one source for the CPU and for CUDA. Which of the two is included
// is decided by the flavour that is built; each has one kind of device only.
#pragma once

#ifdef LATINO_CUDA
#include "kernels/launch_cuda.h"
#else
#include "kernels/launch_cpu.h"
#endif
