#include <utility>

#include "cpu/thread_pool.h"
#include "inference/layers/layers.h"
#include "inference/provider.h"

namespace latino {

using ort::check;

struct Provider::Parts {
  ort::OwnedMemoryInfo memory;
  unsigned threads;
  layers::Layers layers;
};

Provider::Provider(const Device&, std::vector<WeightSource> layerWeights, unsigned threads) {
  const unsigned count = threads == 0 ? availableCores() : threads;
  parts_ = std::unique_ptr<Parts>(new Parts{ort::hostMemory(ort::kDeviceAllocator), count, {std::move(layerWeights), count}});
}

Provider::~Provider() = default;

const ort::MemoryInfo* Provider::memory() const { return parts_->memory.get(); }

void Provider::configure(ort::SessionOptions* settings) const {
  check<RuntimeError>(ort::setIntraOpThreads(ort::table(), settings, static_cast<int>(parts_->threads)));
  check<RuntimeError>(ort::addSessionConfigEntry(ort::table(), settings, "session.use_env_allocators", "1"));
  parts_->layers.addTo(settings);
}

void registerAllocators(ort::Env* environment) {
  // One arena for all sessions, which run in turn: what one network has given back, the next may have.
  const ort::OwnedMemoryInfo memory = ort::hostMemory(ort::kArenaAllocator);
  check<RuntimeError>(ort::createAndRegisterAllocator(ort::table(), environment, memory.get(), nullptr));
}

}  // namespace latino
