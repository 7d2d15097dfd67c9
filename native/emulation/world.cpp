#include "emulation/world.h"

#include <memory>
#include <string>
#include <utility>

#include "emulation/fault.h"

namespace latino::emulation {

namespace {
thread_local bool isWaitingForbidden = false;
}

World& world() {
  static World* const only = std::make_unique<World>().release();  // threads may outlive what is static
  return *only;
}

int& currentGpu() {
  static thread_local int gpu = 0;
  return gpu;
}

Work& workOf(cudaStream_t stream) {
  if (stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread) broken("work for the default stream");
  if (stream->work->gpu != currentGpu())
    broken("a stream of GPU " + std::to_string(stream->work->gpu) + " on a thread whose calls go to GPU " + std::to_string(currentGpu()));
  return *stream->work;
}

void enqueue(Work& work, std::function<void()> run, std::function<void()> after) {
  work.items.push_back({std::move(run), std::move(after)});
  ++work.enqueued;
}

void runUntil(Work& work, std::uint64_t point) {
  Gpu& gpu = world().gpus[static_cast<std::size_t>(work.gpu)];
  if (work.done >= point) return;
  if (gpu.running++ == 0) gpu.memory.setAccessible(true);
  while (work.done < point) {
    const Work::Item item = std::move(work.items.front());
    work.items.pop_front();
    ++work.done;
    if (gpu.lost == cudaSuccess) item.run();
    if (item.after) item.after();
  }
  if (--gpu.running == 0) gpu.memory.setAccessible(false);
}

void forbidWaiting(bool isForbidden) { isWaitingForbidden = isForbidden; }

void beginWait(const char* what) {
  if (isWaitingForbidden) broken(std::string(what) + " on a thread that must not wait");
  ++world().counts.waits;
}

void revive(int gpu) {
  const Lock lock(world().mutex);
  world().gpus[static_cast<std::size_t>(gpu)].lost = cudaSuccess;
}

}  // namespace latino::emulation
