#include <utility>

#include "cpu/available_cores.h"
#include "inference/layers/layers.h"
#include "inference/network_memory.h"
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

Provider::Provider(Device& device, std::vector<WeightSource> layerWeights, unsigned threads)
    : parts_(std::make_unique<Parts>(std::move(layerWeights), threads == 0 ? availableCores() : threads)) {
  device.alsoTrim(NetworkMemory::ofProcess().pool());
  device.alsoTrim(parts_->layers.packed());
}

Provider::~Provider() = default;

const ort::MemoryInfo* Provider::memory() const { return parts_->memory.get(); }

bool Provider::copiesWeights() const { return false; }

void Provider::configure(ort::SessionOptions* settings) const {
  check<RuntimeError>(ort::addSessionConfigEntry(ort::table(), settings, "session.use_env_allocators", "1"));
  check<RuntimeError>(ort::disableMemPattern(ort::table(), settings));
  parts_->threads.configure(settings);
  parts_->layers.addTo(settings);
}

void registerAllocators(ort::Env* environment) {
  check<RuntimeError>(ort::registerAllocator(ort::table(), environment, &NetworkMemory::ofProcess()));
}

}  // namespace latino
