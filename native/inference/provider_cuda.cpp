// ONNX Runtime's CUDA provider, on the stream of our own kernels. A network begins when they end, but the queue's thread waits for its end:
// where a run does not wait (disable_synchronize_execution_providers) ONNX Runtime 1.29 keeps the pinned memory of its small copies for as
// long as the session lives, and then frees it in a callback of the stream, where CUDA refuses.
#include <array>
#include <string>
#include <utility>

#include "cuda/stream.h"
#include "inference/provider.h"

namespace latino {

using ort::check;

struct Provider::Parts {
  Device& device;
  ort::OwnedMemoryInfo memory;
};

namespace {

ort::OwnedMemoryInfo memoryOf(const Device& device) {
  ort::MemoryInfo* memory = nullptr;
  check<RuntimeError>(ort::createMemoryInfo(ort::table(), "Cuda", ort::kDeviceAllocator, device.index(), ort::kDefaultMemory, &memory));
  return ort::OwnedMemoryInfo(memory);
}

}  // namespace

Provider::Provider(Device& device, std::vector<WeightSource> layerWeights, unsigned)
    : parts_(std::make_unique<Parts>(Parts{device, memoryOf(device)})) {
  if (!layerWeights.empty())
    throw ModelError("Expected a network of ONNX Runtime's own operators but received one with the layer weight " + layerWeights[0].name);
}

Provider::~Provider() = default;

const ort::MemoryInfo* Provider::memory() const { return parts_->memory.get(); }

bool Provider::copiesWeights() const { return true; }

void Provider::configure(ort::SessionOptions* settings) const {
  ort::CudaOptions* raw = nullptr;
  check<RuntimeError>(ort::createCudaOptions(ort::table(), &raw));
  const ort::OwnedCudaOptions options(raw);
  const std::string index = std::to_string(parts_->device.index());
  const std::array<std::pair<const char*, const char*>, 4> entries{{{"device_id", index.c_str()},
                                                                    {"arena_extend_strategy", "kSameAsRequested"},
                                                                    {"cudnn_conv_algo_search", "HEURISTIC"},
                                                                    {"use_tf32", "0"}}};
  std::array<const char*, entries.size()> keys{}, values{};
  for (std::size_t i = 0; i < entries.size(); ++i) std::tie(keys[i], values[i]) = entries[i];
  check<RuntimeError>(ort::updateCudaOptions(ort::table(), raw, keys.data(), values.data(), entries.size()));
  // As text ONNX Runtime would take note that there is a stream, drop which, and compute on the default stream: in no order with our
  // kernels.
  check<RuntimeError>(ort::updateCudaOptionsWithValue(ort::table(), raw, "user_compute_stream", cudaStreamOf(parts_->device)));
  check<DeviceError>(ort::appendCudaProvider(ort::table(), settings, raw));
  // A node that ran on the CPU would take its inputs off the GPU, and wait for them.
  check<RuntimeError>(ort::addSessionConfigEntry(ort::table(), settings, "session.disable_cpu_ep_fallback", "1"));
}

void registerAllocators(ort::Env*) {}  // the provider has one of its own, on the GPU

}  // namespace latino
