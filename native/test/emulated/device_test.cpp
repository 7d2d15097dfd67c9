// The device of the CUDA flavour where calls fail, and what it waits for.
#include <doctest/doctest.h>

#include <atomic>
#include <future>

#include "cuda/cuda_device.h"
#include "emulation/fault.h"
#include "emulation/world.h"
#include "kernels/elementwise.h"
#include "kernels/launch.h"
#include "operators/operator.h"
#include "tensor/error.h"
#include "tensor/open_device.h"

using namespace latino;
using emulation::Call;
using emulation::failNth;

namespace {

Tensor numbers(const std::shared_ptr<Device>& device, std::int64_t count, double value) { return full(device, {count}, DType::f32, value); }

/// On a thread that must not wait, as JavaScript's.
struct NoWaiting {
  NoWaiting() { emulation::forbidWaiting(true); }
  ~NoWaiting() { emulation::forbidWaiting(false); }
};

SparseMatrix averaging(std::uint32_t rows) {
  SparseMatrix matrix{rows, 2 * rows, {0}, {}, {}};
  for (std::uint32_t i = 0; i < rows; ++i) {
    matrix.indices.insert(matrix.indices.end(), {2 * i, 2 * i + 1});
    matrix.values.insert(matrix.values.end(), {0.5, 0.5});
    matrix.starts.push_back(2 * (i + 1));
  }
  return matrix;
}

}  // namespace

TEST_CASE("a call that fails is the error of one tensor") {
  const auto device = openCudaDevice();
  const auto isWell = [&] { return readFloats(numbers(device, 10, 2))[9] == 2; };
  device->queue().drain();
  failNth(Call::allocation, 1);
  CHECK_THROWS_AS(readFloats(numbers(device, 10, 1)), DeviceMemoryError);
  CHECK(isWell());
  failNth(Call::launch, 2);
  const Tensor first = numbers(device, 10, 1), second = numbers(device, 10, 1);
  CHECK(readFloats(first)[0] == 1);
  CHECK_THROWS_WITH_AS(readFloats(second), "Starting a kernel failed on the GPU: too many resources requested for launch", RuntimeError);
  CHECK(isWell());
  failNth(Call::copy, 1);
  const float value = 1;
  CHECK_THROWS_WITH_AS(readFloats(upload(device, {1}, DType::f32, &value)), "An upload failed on the GPU: invalid argument", RuntimeError);
  CHECK(isWell());
}

TEST_CASE("every allocation, launch and copy of an operator may fail, one after the other, and the next run works") {
  const auto device = openCudaDevice();
  const auto op = makeSeparable(device, averaging(4), averaging(4));
  const Tensor x = randn(device, {1, 3, 8, 8}, 1, 0);
  const auto run = [&] { return readFloats(op->prox(x, op->forward(x), 10.0)); };
  const auto expected = run();
  for (const Call call : {Call::allocation, Call::launch, Call::copy}) {
    bool hasFailed = true;
    int failures = 0;
    for (std::uint64_t n = 1; hasFailed; ++n) {
      failNth(call, n);
      try {
        run();
        hasFailed = false;
      } catch (const Error&) {
        ++failures;
      }
      failNth(call, 0);
      CHECK(run() == expected);
    }
    CHECK(failures >= (call == Call::copy ? 1 : 3));
  }
}

TEST_CASE("a kernel that does wrong loses its device, and no other") {
  const auto device = openCudaDevice(0), other = openCudaDevice(1);
  const Tensor before = numbers(device, 10, 1);
  CHECK(readFloats(before)[0] == 1);
  failNth(Call::execution, 1);
  const char* lost =
      "Expected cuda:0 to work but it is lost to this process: an illegal memory access was encountered; open another device, or begin "
      "again "
      "in a new process";
  CHECK_THROWS_WITH_AS(readFloats(numbers(device, 10, 1)), lost, DeviceError);
  CHECK_THROWS_WITH_AS(readFloats(before), lost, DeviceError);
  CHECK_THROWS_WITH_AS(readFloats(numbers(device, 10, 1)), lost, DeviceError);
  std::promise<std::exception_ptr> heard;
  device->queue().enqueue([&] {
    try {
      device->whenDone([&](const std::exception_ptr& error) { heard.set_value(error); });
    } catch (...) {
      heard.set_value(std::current_exception());
    }
  });
  CHECK_THROWS_WITH_AS(std::rethrow_exception(heard.get_future().get()), lost, DeviceError);
  CHECK(readFloats(numbers(other, 10, 1))[0] == 1);
  emulation::revive(0);
}

TEST_CASE("whoever waits for some work does not wait for what comes after it") {
  const auto device = openCudaDevice();
  std::atomic<int> first = 0, later = 0;  // a kernel of the emulated device may write them
  std::promise<void> heard;
  device->queue().enqueue([&] {
    forEach(*device, 1, [&first](std::int64_t) { first = 1; });
    device->whenDone([&](const std::exception_ptr&) {
      CHECK(first == 1);
      CHECK(later == 0);
      heard.set_value();
    });
    forEach(*device, 1, [&later](std::int64_t) { later = 1; });
  });
  heard.get_future().wait();
  CHECK(readFloats(numbers(device, 1, 5))[0] == 5);
  CHECK(later == 1);
}

TEST_CASE("values are read where nobody waits") {
  const auto device = openCudaDevice();
  const Tensor x = numbers(device, 3, 7);
  std::promise<float> heard;
  device->queue().enqueue([&] {
    const auto waits = emulation::world().counts.waits;
    device->read(x.data<void>(), x.bytes(),
                 [&](const void* values, const std::exception_ptr&) { heard.set_value(static_cast<const float*>(values)[2]); });
    CHECK(emulation::world().counts.waits - waits <= 2);  // pinned memory is taken, and the other thread may wait already
  });
  CHECK(heard.get_future().get() == 7);
  CHECK(device->transfers().downloads == 1);
}

TEST_CASE("JavaScript's thread never waits: not to upload, to compute, nor to free") {
  const auto device = openCudaDevice();
  const auto op = makeSeparable(device, averaging(4), averaging(4));
  std::vector<float> values(3 * 64, 0.5F);
  {
    const NoWaiting javaScript;
    Tensor x = upload(device, {1, 3, 8, 8}, DType::f32, values.data());
    for (int step = 0; step < 4; ++step) x = clip(op->prox(x, op->forward(x), 10.0), -1, 1);
    const Tensor large(device, {1 << 19});
    values = {};
  }
  device->queue().drain();
  CHECK(device->memory().inUse > 0);
}

TEST_CASE("the last handle may go where work is waited for") {
  auto device = openCudaDevice();
  std::promise<void> heard;
  std::promise<void> go;
  device->queue().enqueue([&heard, &go, raw = device.get(), held = device]() mutable {
    raw->whenDone([&heard, future = go.get_future().share(), last = std::move(held)](const std::exception_ptr&) mutable {
      future.wait();
      last.reset();
      heard.set_value();
    });
  });
  device->queue().drain();
  device.reset();
  go.set_value();
  heard.get_future().wait();
}

TEST_CASE("between upload and download a solver's steps wait for nothing, however many there are") {
  const auto device = openCudaDevice();
  const auto op = makeSeparable(device, averaging(4), averaging(4));
  op->prepare();
  const Tensor y = op->forward(randn(device, {1, 3, 8, 8}, 1, 0));
  Tensor x = op->adjoint(y);
  readFloats(op->prox(x, y, 10.0));  // decompositions and tables are there
  const auto waits = emulation::world().counts.waits;
  const auto transfers = device->transfers();
  for (int step = 0; step < 8; ++step) {
    const Tensor residual = op->residual(x, y);
    x = op->proxFromResidual(x, residual, op->discrepancyGamma(residual, {0.1}), {0.1});
    x = linearCombination(0.9, clip(x, -1, 1), 0.1, randn(device, x.shape(), 1, static_cast<std::uint64_t>(step)));
  }
  device->queue().drain();
  CHECK(emulation::world().counts.waits == waits);
  CHECK(device->transfers().uploads == transfers.uploads);
  CHECK(device->transfers().downloads == transfers.downloads);
}

TEST_CASE("devices are opened by name") {
  CHECK(openDevice("cuda", 0)->name() == "cuda:0");
  CHECK(openDevice("cuda:1", 0)->index() == 1);
  CHECK_THROWS_WITH_AS(openDevice("cuda:2", 0), "Expected cuda:0 to cuda:1 for device but received cuda:2", DeviceError);
  CHECK_THROWS_WITH_AS(openDevice("cuda:1x", 0), "Expected cpu or cuda:<index> for device but received cuda:1x", DeviceError);
  CHECK_THROWS_AS(openDevice("cpu", 0), DeviceError);
}
