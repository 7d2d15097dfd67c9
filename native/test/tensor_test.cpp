#include "tensor/tensor.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "kernels/elementwise.h"
#include "tensor/error.h"
#include "test_device.h"

using namespace latino;

namespace {
Tensor ramp(const std::shared_ptr<Device>& device, Shape shape) {
  std::vector<float> values(static_cast<std::size_t>(elementCount(shape)));
  std::iota(values.begin(), values.end(), 0.0F);
  return upload(device, std::move(shape), DType::f32, values.data());
}
}  // namespace

TEST_CASE("a queue runs its tasks in order") {
  Queue queue;
  std::vector<int> order;
  for (int i = 0; i < 1000; ++i) queue.enqueue([&order, i] { order.push_back(i); });
  queue.drain();
  REQUIRE(order.size() == 1000);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("an error travels with the tensors that depend on it, and with no others") {
  const auto device = openTestDevice(2);
  const Tensor good = ramp(device, {4}), bad(device, {4});
  submit({good}, {bad}, [] { throw ModelError("broken"); });
  const Tensor dependent = linearCombination(1, good, 1, bad), independent = clip(good, 0, 2);
  CHECK_THROWS_AS(readFloats(dependent), ModelError);
  CHECK(readFloats(independent) == std::vector<float>{0, 1, 2, 2});
}

TEST_CASE("memory is reused, and returned when tensors go") {
  const auto device = openTestDevice(1);
  for (int i = 0; i < 100; ++i) full(device, {1000}, DType::f32, i);
  device->queue().drain();
  CHECK(device->memory().inUse == 0);
  CHECK(device->memory().peak < 3 * 8192);
}

TEST_CASE("memory that the machine does not have is an error of the tensor") {
  const auto device = openTestDevice(1);
  const Tensor huge = full(device, {std::int64_t{1} << 52}, DType::f32, 0);
  device->queue().drain();
  CHECK_THROWS_AS(std::rethrow_exception(huge.storage().error), DeviceMemoryError);
}

TEST_CASE("transfers are counted") {
  const auto device = openTestDevice(1);
  const Tensor x = ramp(device, {2, 3});
  readFloats(clip(x, 0, 1));
  const TransferCounts counts = device->transfers();
  CHECK(counts.uploads == 1);
  CHECK(counts.uploadBytes == 24);
  CHECK(counts.downloads == 1);
  CHECK(counts.downloadBytes == 24);
}

TEST_CASE("the last handle may go on the device's own queue") {
  for (int i = 0; i < 50; ++i) {
    auto device = openTestDevice(2);
    full(device, {10}, DType::f32, 1);
    device.reset();
  }
}

TEST_CASE("tensors of two devices do not mix") {
  const auto one = openTestDevice(1), two = openTestDevice(1);
  CHECK_THROWS_AS(linearCombination(1, ramp(one, {4}), 1, ramp(two, {4})), ArgumentError);
}

TEST_CASE("shapes are checked") {
  const auto device = openTestDevice(1);
  CHECK_THROWS_AS(ramp(device, {6}).reshaped({4}), ShapeError);
  CHECK_THROWS_AS(linearCombination(1, ramp(device, {6}), 1, ramp(device, {5})), ShapeError);
  CHECK_THROWS_AS(Tensor(device, {-1}), ShapeError);
  CHECK_THROWS_AS(Tensor(device, {std::int64_t{1} << 32, std::int64_t{1} << 32}), ShapeError);
  CHECK_THROWS_AS(Tensor(device, {std::int64_t{1} << 62}), ShapeError);
  CHECK(Tensor(device, {std::int64_t{1} << 62, 0}).bytes() == 0);
}
