// What a session of the CUDA flavour asks of ONNX Runtime, whose CUDA provider runs on GPUs alone.
#include "inference/session.h"

#include <dlfcn.h>
#include <doctest/doctest.h>

#include "cuda/cuda_device.h"
#include "cuda/stream.h"

using namespace latino;

TEST_CASE("networks compute on the stream of the device's kernels") {
  openRuntime(LATINO_RUNTIME_STAND_IN);
  const auto device = openCudaDevice();
  const auto session = Session::create(device, {}, {});
  void* const library = dlopen(LATINO_RUNTIME_STAND_IN, RTLD_NOW | RTLD_NOLOAD);
  REQUIRE(library != nullptr);
  const auto given = reinterpret_cast<void* (*)()>(dlsym(library, "givenComputeStream"));
  CHECK(given() == static_cast<void*>(cudaStreamOf(*device)));
  dlclose(library);
}
