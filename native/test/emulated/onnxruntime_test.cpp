// Rules of the emulated device for ONNX Runtime's CUDA provider, each broken once. The library behind it computes nothing here.
#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <thread>

#include "inference/ort_api.h"
#include "test/emulated/stage.h"

using namespace latino;
using namespace latino::emulation;

namespace {

/// What the library behind would hand out, into which nobody looks.
template <class T>
T* handle() {
  static char place;
  return reinterpret_cast<T*>(&place);
}

struct Settings {
  bool hasProvider = true, hasStream = true, isStreamInWords = false, isAlone = true;
  const char *gpu = "0", *tf32 = "0", *arena = "kSameAsRequested";
};

/// A session of the provider, made as the library makes one but for what the settings say. For a process of its own, because from then on
/// this thread is taken for JavaScript's.
class Network {
 public:
  explicit Network(cudaStream_t stream, const Settings& settings = {}) {
    setenv("LATINO_EMULATED_ORT", LATINO_RUNTIME_STAND_IN, 1);
    void* const library = dlopen(LATINO_EMULATED_RUNTIME, RTLD_NOW | RTLD_LOCAL);
    table_ = reinterpret_cast<ort::GetApiBase>(dlsym(library, "OrtGetApiBase"))()->getApi(ort::kApiVersion);

    ort::CudaOptions* options = nullptr;
    ort::createCudaOptions(table_, &options);
    if (settings.hasStream) ort::updateCudaOptionsWithValue(table_, options, "user_compute_stream", stream);
    const std::array<const char*, 4> keys{"device_id", "use_tf32", "arena_extend_strategy", "user_compute_stream"},
        values{settings.gpu, settings.tf32, settings.arena, "140737"};
    ort::updateCudaOptions(table_, options, keys.data(), values.data(), settings.isStreamInWords ? 4 : 3);
    auto* const own = handle<ort::SessionOptions>();
    if (settings.hasProvider) ort::appendCudaProvider(table_, own, options);
    ort::releaseCudaOptions(table_, options);
    if (settings.isAlone) ort::addSessionConfigEntry(table_, own, "session.disable_cpu_ep_fallback", "1");
    ort::createSessionFromArray(table_, nullptr, nullptr, 0, own, &session_);
    ort::createMemoryInfo(table_, "Cuda", ort::kDeviceAllocator, 0, ort::kDefaultMemory, &gpu_);
  }

  /// One number, said to be on the GPU or in the host's memory.
  ort::Value* tensor(void* number, bool isOnGpu = true) const {
    auto* value = handle<ort::Value>();
    ort::createTensorWithData(table_, isOnGpu ? gpu_ : handle<ort::MemoryInfo>(), number, sizeof(float), nullptr, 0, ort::kFloat, &value);
    return value;
  }

  /// On a thread of its own, as the queue's.
  void run(const ort::Value* input) const {
    std::thread([&] { runHere(input); }).join();
  }
  void runHere(const ort::Value* input) const {
    ort::bindInput(table_, handle<ort::IoBinding>(), "x", input);
    ort::runWithBinding(table_, session_, nullptr, handle<ort::IoBinding>());
  }

 private:
  ort::Table* table_;
  ort::Session* session_ = handle<ort::Session>();
  ort::MemoryInfo* gpu_ = nullptr;
};

}  // namespace

TEST_CASE("a network is computed on the stream that its session was given, in float32, by the GPU alone") {
  const auto made = [](const Settings& settings) {
    return brokenBy([&] {
      const Stream stream;
      const Network network(stream, settings);
      network.run(network.tensor(floats(stream, 1)));
    });
  };
  CHECK(made({}).empty());
  CHECK(says(made({.hasStream = false}), "a session that computes on the default stream"));
  CHECK(says(made({.isStreamInWords = true}), "a session that computes on the default stream"));
  CHECK(says(made({.isAlone = false}), "a session that may leave nodes to the CPU"));
  CHECK(says(made({.hasProvider = false}), "a network for the CPU was given a GPU's memory"));
  CHECK(says(made({.gpu = "1"}), "a session's device_id is 1 and not 0"));
  CHECK(says(made({.tf32 = "1"}), "a session's use_tf32 is 1 and not 0"));
  CHECK(says(made({.arena = "kNextPowerOfTwo"}), "a session's arena_extend_strategy is kNextPowerOfTwo and not kSameAsRequested"));
}

TEST_CASE("a network is given memory of the device, which is there while it runs") {
  const auto given = [](auto program) {
    return brokenBy([&] {
      const Stream stream;
      program(Network(stream), stream);
    });
  };
  CHECK(says(given([](const Network& network, cudaStream_t) {
               float onHost = 0;
               network.tensor(&onHost);
             }),
             "the host's memory as a GPU's tensor"));
  CHECK(says(given([](const Network& network, cudaStream_t stream) { network.tensor(floats(stream, 1), false); }),
             "a GPU's memory as the host's tensor"));
  CHECK(says(given([](const Network& network, cudaStream_t stream) {
               float* const x = floats(stream, 1);
               cudaFreeAsync(x, stream);
               network.run(network.tensor(x));
             }),
             "what a network reads or writes is not within a block of the device"));
}

TEST_CASE("JavaScript's thread does not wait for a network") {
  CHECK(says(brokenBy([] {
               const Stream stream;
               const Network network(stream);
               network.runHere(network.tensor(floats(stream, 1)));
             }),
             "the run of a network on a thread that must not wait"));
}
