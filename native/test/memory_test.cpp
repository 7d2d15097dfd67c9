#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "cpu/cpu_device.h"
#include "inference/layers/conv3x3.h"
#include "inference/layers/packed_store.h"
#include "serial.h"
#include "tensor/host_memory.h"
#include "tensor/memory_pool.h"
#include "tensor/tensor.h"

using namespace latino;
using namespace latino::layers;

namespace {

/// Counts what has not been given back, and checks that sizes agree.
class Counted final : public MemorySource {
 public:
  void* allocateRaw(std::size_t bytes) override {
    void* pointer = host_.allocateRaw(bytes);
    sizes_[pointer] = bytes;
    total_ += bytes;
    ++allocations_;
    return pointer;
  }
  void freeRaw(void* pointer, std::size_t bytes) noexcept override {
    CHECK(sizes_[pointer] == bytes);
    sizes_.erase(pointer);
    total_ -= bytes;
    host_.freeRaw(pointer, bytes);
  }
  std::size_t total() const { return total_; }
  int allocations() const { return allocations_; }

 private:
  HostMemory host_;
  std::map<void*, std::size_t> sizes_;
  std::size_t total_ = 0;
  int allocations_ = 0;
};

constexpr std::size_t kMega = std::size_t{1} << 20;

PackedWeights packed(std::int64_t terms) {
  return {HostVector<float>(static_cast<std::size_t>(16 * terms), 1), {.outputs = 16, .inputs = terms}, kSerial};
}

}  // namespace

TEST_CASE("work that goes on as it did takes its memory from the pool") {
  Counted source;
  MemoryPool pool(source);
  const auto step = [&] {
    std::vector<std::pair<void*, std::size_t>> blocks;
    for (const std::size_t bytes : {3 * kMega, kMega, 2 * kMega, kMega}) blocks.emplace_back(pool.take(bytes), bytes);
    for (const auto& [pointer, bytes] : blocks) pool.give(pointer, bytes);
  };
  step();
  const int allocations = source.allocations();
  for (int i = 0; i < 5; ++i) step();
  CHECK(source.allocations() == allocations);
  CHECK(pool.counts().pooled == 7 * kMega);
}

TEST_CASE("networks that take turns find the blocks of their last turn") {
  Counted source;
  MemoryPool pool(source);
  const auto turns = [&] {
    for (const std::size_t bytes : {4 * kMega, 3 * kMega}) pool.give(pool.take(bytes), bytes);
  };
  turns();
  for (int i = 0; i < 5; ++i) turns();
  CHECK(source.allocations() == 2);
}

TEST_CASE("a pool keeps no more than twice what was in use at once, what was given back last first, and nothing when it is trimmed") {
  Counted source;
  MemoryPool pool(source);
  pool.give(pool.take(4 * kMega), 4 * kMega);
  pool.give(pool.take(3 * kMega), 3 * kMega);
  pool.give(pool.take(2 * kMega), 2 * kMega);  // beside which the four are too much
  CHECK(pool.counts().pooled == 5 * kMega);
  CHECK(source.total() == 5 * kMega);
  pool.give(pool.take(kMega), kMega);
  CHECK(source.total() == 6 * kMega);

  void* held = pool.take(kMega);
  pool.trim();
  CHECK(source.total() == kMega);
  CHECK(pool.counts().inUse == kMega);
  CHECK(pool.counts().pooled == 0);
  CHECK(pool.counts().peak == 4 * kMega);
  pool.give(held, kMega);
  CHECK(source.total() == kMega);
  pool.trim();
  CHECK(source.total() == 0);
}

TEST_CASE(
    "a device that has been idle for a moment gives back what it kept, where it is much, and only once for each time that it worked") {
  struct Kept final : KeptMemory {
    std::size_t keptBytes() const override { return bytes; }
    void trim() noexcept override { ++trims; }
    std::atomic<std::size_t> bytes = 64 * kMega;
    std::atomic<int> trims = 0;
  };
  const auto kept = std::make_shared<Kept>();
  const auto device = openCpuDevice(1);
  for (int i = 0; i < 3; ++i) device->alsoTrim(kept);  // of which each counts once
  { device->alsoTrim(std::make_shared<Kept>()); }
  const auto waitFor = [&](int trims) {
    for (int i = 0; i < 500 && kept->trims < trims; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    return kept->trims == trims;
  };
  const auto work = [&] {
    { const Tensor tensor = upload(device, {1 << 20}, DType::f32, std::vector<float>(1 << 20).data()); }
    device->queue().drain();
  };
  CHECK(waitFor(0));  // before there was any work
  work();
  CHECK(waitFor(0));
  CHECK(device->memory().pooled == 4 * kMega);
  kept->bytes = 100 * kMega;
  for (int times = 1; times <= 2; ++times) {
    work();
    CHECK(waitFor(times));
    CHECK(device->memory().pooled == 0);
  }
}

TEST_CASE("packed weights that were used last stay when their store is trimmed, up to its budget; the others are packed anew") {
  PackedStore store(2 * packed(10).bytes());
  int packings = 0;
  const auto get = [&](PackedStore::Key key) {
    return store.get(key, [&] {
      ++packings;
      return packed(10);
    });
  };
  const PackedStore::Key first = store.newKey(), second = store.newKey(), third = store.newKey();
  for (const auto key : {first, second, third, second, first}) get(key);
  CHECK(packings == 3);  // no budget while there is work
  const auto held = get(third);
  get(first);
  store.trim();
  for (const auto key : {first, third}) get(key);
  CHECK(packings == 3);
  get(second);
  CHECK(packings == 4);
  get(first);
  get(second);
  store.trim();
  CHECK(held->bytes() == packed(10).bytes());  // whoever runs by them has them still
  get(third);
  CHECK(packings == 5);
}

TEST_CASE("a convolution whose weights were dropped computes the same") {
  const std::vector<float> x(8 * 64, 2);
  const HostVector<float> weight(8 * 8 * 9, 3);
  const auto store = std::make_shared<PackedStore>(0);
  int reads = 0;
  Conv3x3 convolution(
      [&]() -> WeightValues {
        ++reads;
        return weight;
      },
      {.outputs = 8, .inputs = 8}, 1, store);
  const auto run = [&] {
    std::vector<float> y(8 * 64);
    Conv3x3Arguments image;
    image.x = x.data();
    image.y = y.data();
    image.n = 1;
    image.height = image.width = 8;
    convolution.run(image, kSerial);
    return y;
  };
  const auto y = run();
  CHECK(run() == y);
  CHECK(reads == 1);
  store->trim();
  CHECK(run() == y);
  CHECK(reads == 2);
}
