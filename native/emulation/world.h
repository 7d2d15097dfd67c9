// What there is once: GPUs, what each has been asked to do, and who is asking.
#pragma once

#include <driver_types.h>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "emulation/memory.h"

namespace latino::emulation {

/// A stream's work, in order. It runs when somebody waits for it, and then no more of it than is waited for.
struct Work {
  struct Item {
    std::function<void()> run;
    /// Also for what a lost device does not run.
    std::function<void()> after;
  };

  int gpu = 0;
  std::deque<Item> items;
  std::uint64_t enqueued = 0, done = 0;
};

/// Since the program began.
struct Counts {
  std::uint64_t launches = 0, uploads = 0, downloads = 0, waits = 0;
};

struct Gpu {
  DeviceMemory memory;
  std::size_t inUse = 0;
  cudaError_t lost = cudaSuccess;
  int running = 0;
};

struct World {
  std::recursive_mutex mutex;
  std::array<Gpu, 2> gpus;
  PinnedMemory pinned;
  Counts counts;
};

World& world();
using Lock = std::lock_guard<std::recursive_mutex>;

/// The GPU that calls of this thread go to.
int& currentGpu();

/// Ends the process unless the stream is one of our own, of the GPU that this thread's calls go to.
Work& workOf(cudaStream_t stream);
void enqueue(Work& work, std::function<void()> run, std::function<void()> after = nullptr);
void runUntil(Work& work, std::uint64_t point);

/// From here on the process ends where this thread calls what waits: it is JavaScript's.
void forbidWaiting(bool isForbidden);
/// To be called where a GPU's driver may wait.
void beginWait(const char* what);

/// The device works again, as in a new process.
void revive(int gpu);

}  // namespace latino::emulation

struct CUstream_st {
  std::shared_ptr<latino::emulation::Work> work;
};

struct CUevent_st {
  std::shared_ptr<latino::emulation::Work> work;
  std::uint64_t point = 0;
};
