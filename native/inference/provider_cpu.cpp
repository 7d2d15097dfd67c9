#include <utility>

#include "cpu/available_cores.h"
#include "inference/layers/layers.h"
#include "inference/provider.h"
#include "inference/session_threads.h"

namespace latino {

using ort::check;

struct Provider::Parts {
  Parts(std::vector<WeightSource> layerWeights, unsigned wanted)
      : memory(ort::hostMemory(ort::kDeviceAllocator)), threads(wanted), layers(std::move(layerWeights), threads.count()) {}

  ort::OwnedMemoryInfo memory;
  SessionThreads threads;
  layers::Layers layers;
};

Provider::Provider(const Device&, std::vector<WeightSource> layerWeights, unsigned threads)
    : parts_(std::make_unique<Parts>(std::move(layerWeights), threads == 0 ? availableCores() : threads)) {}

Provider::~Provider() = default;

const ort::MemoryInfo* Provider::memory() const { return parts_->memory.get(); }

void Provider::configure(ort::SessionOptions* settings) const {
  check<RuntimeError>(ort::addSessionConfigEntry(ort::table(), settings, "session.use_env_allocators", "1"));
  parts_->threads.configure(settings);
  parts_->layers.addTo(settings);
}

void registerAllocators(ort::Env* environment) {
  // One arena for all sessions, which run in turn: what one network has given back, the next may have.
  const ort::OwnedMemoryInfo memory = ort::hostMemory(ort::kArenaAllocator);
  check<RuntimeError>(ort::createAndRegisterAllocator(ort::table(), environment, memory.get(), nullptr));
}

}  // namespace latino
