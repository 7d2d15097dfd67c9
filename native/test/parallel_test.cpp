#include "inference/layers/parallel.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <vector>

#include "inference/layers/conv3x3.h"
#include "inference/layers/linear.h"
#include "side_by_side.h"
#include "tensor/error.h"

using namespace latino;
using namespace latino::layers;

namespace {

/// One after the other, whatever happens.
const ParallelFor kInTurn = [](std::size_t count, const std::function<void(std::size_t)>& task) {
  for (std::size_t i = 0; i < count; ++i) task(i);
};

}  // namespace

TEST_CASE("what a task throws on a thread that no exception may leave reaches the caller, and the loop works on") {
  const ParallelFor loop = rethrowing(kSideBySide, nullptr);
  CHECK_THROWS_AS(loop(4, [](std::size_t) { throw std::bad_alloc(); }), std::bad_alloc);
  CHECK_THROWS_AS(loop(4,
                       [](std::size_t i) {
                         if (i == 3) throw 1;
                       }),
                  int);
  std::atomic<int> done = 0;
  loop(4, [&](std::size_t) { ++done; });
  CHECK(done == 4);
}

TEST_CASE("after a task has failed, or the work was cancelled, the rest is left out") {
  int begun = 0;
  const auto fail = [&](std::size_t i) {
    ++begun;
    if (i == 2) throw std::bad_alloc();
    if (i > 2) throw 1;  // the first error is the one that is told
  };
  CHECK_THROWS_AS(rethrowing(kInTurn, nullptr)(10, fail), std::bad_alloc);
  CHECK(begun == 3);

  const auto cancellation = std::make_shared<Cancellation>();
  begun = 0;
  const auto cancel = [&](std::size_t i) {
    ++begun;
    if (i == 4) cancellation->cancel();
  };
  CHECK_THROWS_AS(rethrowing(kInTurn, cancellation)(10, cancel), CancelledError);
  CHECK(begun == 5);
}

TEST_CASE("a layer that was cancelled while its weight was packed packs it at the next run") {
  const auto cancellation = std::make_shared<Cancellation>();
  const std::vector<float> x(32 * 64, 1);
  const auto weight = [&](std::size_t count) {
    return [&, count]() -> WeightValues {
      cancellation->cancel();
      return HostVector<float>(count, 1);
    };
  };
  std::vector<float> y(32 * 64);
  const auto check = [&](const auto& run, std::size_t at, float want) {
    {
      const CancellationScope scope(cancellation);
      CHECK_THROWS_AS(run(), CancelledError);
    }
    run();
    CHECK(y[at] == want);
  };

  const auto packed = std::make_shared<PackedStore>(0);
  for (const std::int64_t size : {8, 1}) {  // in tiles; so small that the taps are used as they are
    Conv3x3 convolution(weight(32 * 32 * 9), {.outputs = 32, .inputs = 32}, 1, packed);
    Conv3x3Arguments image;
    image.x = x.data();
    image.y = y.data();
    image.n = 1;
    image.height = image.width = size;
    const auto run = [&] { convolution.run(image, rethrowing(kInTurn, currentCancellation())); };
    // A pixel inside sees all nine taps, a single pixel the middle one.
    if (size > 1) {
      check(run, 9, 32 * 9);
    } else {
      check(run, 0, 32);
    }
  }

  Linear linear(weight(32 * 32), nullptr, {.outputs = 32, .inputs = 32}, 1, packed);
  const LinearCall call{&linear, {.x = x.data(), .y = y.data(), .n = 1, .rows = 64, .norm = {}}};
  check([&] { run({&call, 1}, rethrowing(kInTurn, currentCancellation())); }, 0, 32);
}
