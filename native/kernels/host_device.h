// Marks functions for the GPU, where nvcc compiles them: those that the host calls too, and the bodies of loops, which only the GPU runs.
#pragma once

#ifdef __CUDACC__
#define LATINO_HOST_DEVICE __host__ __device__
#define LATINO_DEVICE __device__
#else
#define LATINO_HOST_DEVICE
#define LATINO_DEVICE
#endif
