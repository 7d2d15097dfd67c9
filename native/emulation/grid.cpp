#include "emulation/grid.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "emulation/fault.h"
#include "emulation/fiber.h"
#include "emulation/memory.h"

// NVIDIA's header declares them constant, as a kernel sees them.
extern "C" {
uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;
}

namespace latino {
/// What the launcher calls so (kernels/launch_cuda.h); no more than a GPU has for a block.
extern double blockMemory[];
double blockMemory[emulation::kSharedBytes / sizeof(double)];
}  // namespace latino

namespace latino::emulation {

namespace {

/// Bytes past what a block may share that are looked at.
constexpr std::size_t kMargin = 256;

/// One number for all that has no order: another order with another LATINO_EMULATION_SEED.
std::mt19937& random() {
  static const char* seed = std::getenv("LATINO_EMULATION_SEED");
  static std::mt19937 generator(seed == nullptr ? 1 : static_cast<unsigned>(std::atoi(seed)));
  return generator;
}

/// 0, ..., count - 1, each once, in another order for each.
class Shuffled {
 public:
  explicit Shuffled(std::uint64_t count) : count_(count), offset_(random()() % count), step_(random()() % count) {
    while (std::gcd(step_, count_) != 1) ++step_;
  }
  std::uint64_t operator[](std::uint64_t i) const { return (offset_ + step_ * i) % count_; }

 private:
  std::uint64_t count_, offset_, step_;
};

uint3 placeOf(std::uint64_t index, dim3 extent) {
  if (extent.y == 1 && extent.z == 1) return {static_cast<unsigned>(index), 0, 0};  // as all of our own kernels
  return {static_cast<unsigned>(index % extent.x), static_cast<unsigned>(index / extent.x % extent.y),
          static_cast<unsigned>(index / extent.x / extent.y)};
}

std::uint64_t sizeOf(dim3 extent) { return std::uint64_t{extent.x} * extent.y * extent.z; }

/// Fibers that run the threads of one block after the other. A fiber goes from thread to thread until one waits at a barrier: what has no
/// barriers needs one fiber.
class Block {
 public:
  void run(const std::function<void()>& thread) {
    thread_ = &thread;
    count_ = sizeOf(blockDim);
    const Shuffled order(count_);
    order_ = &order;
    begun_ = ended_ = 0;
    while (begun_ < count_) resume(takeIdle());
    while (!waiting_.empty()) {
      if (ended_ > 0)
        broken(std::to_string(waiting_.size()) + " threads of a block wait at a barrier that " + std::to_string(ended_) + " never reach");
      ready_.swap(waiting_);
      waiting_.clear();
      std::shuffle(ready_.begin(), ready_.end(), random());
      for (const Waiting& each : ready_) {
        threadIdx = each.thread;
        resume(each.fiber);
      }
    }
  }

  void wait() {
    if (running_ == nullptr) broken("a barrier outside of a kernel");
    Fiber* fiber = running_;
    waiting_.push_back({fiber, threadIdx});
    fiber->pause();
  }

 private:
  struct Waiting {
    Fiber* fiber;
    uint3 thread;
  };

  Fiber* takeIdle() {
    if (idle_.empty()) {
      Fiber& made = fibers_.emplace_back([this] { work(); });
      return &made;
    }
    Fiber* fiber = idle_.back();
    idle_.pop_back();
    return fiber;
  }

  void resume(Fiber* fiber) {
    running_ = fiber;
    fiber->resume();
    running_ = nullptr;
  }

  void work() {
    while (true) {
      while (begun_ < count_) {
        threadIdx = placeOf((*order_)[begun_++], blockDim);
        (*thread_)();
        ++ended_;
      }
      Fiber* self = running_;
      idle_.push_back(self);
      self->pause();
    }
  }

  std::deque<Fiber> fibers_;
  std::vector<Fiber*> idle_;
  std::vector<Waiting> waiting_, ready_;
  Fiber* running_ = nullptr;
  const std::function<void()>* thread_ = nullptr;
  const Shuffled* order_ = nullptr;
  std::uint64_t count_ = 0, begun_ = 0, ended_ = 0;
};

Block& block() {
  static Block* const only = std::make_unique<Block>().release();  // threads may outlive what is static
  return *only;
}

}  // namespace

void runGrid(const std::function<void()>& thread, dim3 grid, dim3 blockExtent, std::size_t sharedBytes) {
  gridDim = grid;
  blockDim = blockExtent;
  const std::uint64_t count = sizeOf(grid);
  const Shuffled order(count);
  static const bool isReady = std::memset(blockMemory, kNotANumber, kSharedBytes) != nullptr;
  for (std::uint64_t i = 0; isReady && i < count; ++i) {
    blockIdx = placeOf(order[i], grid);
    block().run(thread);
    std::memset(blockMemory, kNotANumber, sharedBytes);
  }
  const auto* end = reinterpret_cast<const unsigned char*>(blockMemory) + sharedBytes;
  if (std::any_of(end, end + std::min(kMargin, kSharedBytes - sharedBytes), [](unsigned char byte) { return byte != kNotANumber; }))
    broken("a kernel wrote past the " + std::to_string(sharedBytes) + " bytes that its blocks share");
}

}  // namespace latino::emulation

void __syncthreads() { latino::emulation::block().wait(); }
