// Marks a function for both the host and, when nvcc compiles it, the device.
#pragma once

#ifdef __CUDACC__
#define LATINO_HOST_DEVICE __host__ __device__
#else
#define LATINO_HOST_DEVICE
#endif
