#include "emulation/onnxruntime/provider.h"

#include "emulation/fault.h"

namespace latino::emulation {

void Provider::require() const {
  const auto is = [this](const char* key, const std::string& value) {
    const auto found = options.find(key);
    if (found == options.end() || found->second != value)
      broken(std::string("a session's ") + key + " is " + (found == options.end() ? "not set" : found->second) + " and not " + value);
  };
  if (stream == nullptr) broken("a session that computes on the default stream");
  is("device_id", std::to_string(stream->work->gpu));
  is("use_tf32", "0");
  is("arena_extend_strategy", "kSameAsRequested");  // else it doubles what it takes
  if (!isAlone) broken("a session that may leave nodes to the CPU");
}

bool runOnStream(const Provider& provider, const std::vector<Extent>& tensors, const std::function<void()>& run) {
  const Lock lock(world().mutex);
  Work& work = *provider.stream->work;
  const Gpu& gpu = world().gpus[static_cast<std::size_t>(work.gpu)];
  enqueue(work, [&] {
    for (const Extent& tensor : tensors) gpu.memory.requireRange(tensor.first, tensor.bytes, "what a network reads or writes");
    run();
  });
  beginWait("the run of a network");
  runUntil(work, work.enqueued);
  return gpu.lost == cudaSuccess;
}

}  // namespace latino::emulation
