// Times kernels and operators on a GPU against the floor: the bytes of what they read and write, each once, at the speed of a copy.
// latino_cuda_bench <result.json> <driver's version>. What fits into the GPU's cache may be faster than that floor.
#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>

#include "cuda/cuda_device.h"
#include "cuda/stream.h"
#include "kernels/elementwise.h"
#include "linalg/fft.h"
#include "operators/operator.h"

using namespace latino;

namespace {

constexpr int kBatches = 5;
constexpr std::size_t kCopyBytes = std::size_t{512} << 20;

struct Event {
  cudaEvent_t handle;
  Event() { requireSuccess(cudaEventCreate(&handle), "Making an event"); }
  ~Event() { cudaEventDestroy(handle); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
};

/// Of one call, the median of several batches of them; the first call does not count.
double millisecondsOf(Device& device, int calls, const std::function<void()>& call) {
  call();
  const Event begin, end;
  const auto record = [&device](const Event& event) { requireSuccess(cudaEventRecord(event.handle, cudaStreamOf(device)), "A mark"); };
  std::vector<double> times;
  for (int batch = 0; batch < kBatches; ++batch) {
    device.queue().enqueue([&] { record(begin); });
    for (int i = 0; i < calls; ++i) call();
    device.queue().enqueue([&] { record(end); });
    device.queue().drain();
    requireSuccess(cudaEventSynchronize(end.handle), "Waiting");
    float elapsed = 0;
    requireSuccess(cudaEventElapsedTime(&elapsed, begin.handle, end.handle), "Reading a time");
    times.push_back(static_cast<double>(elapsed) / calls);
  }
  std::nth_element(times.begin(), times.begin() + kBatches / 2, times.end());
  return times[kBatches / 2];
}

/// Bytes read and written each millisecond by a copy that no cache holds.
double bandwidthOf(Device& device) {
  const auto floats = static_cast<std::int64_t>(kCopyBytes / sizeof(float));
  const Tensor from = full(device.shared_from_this(), {floats}, DType::f32, 1), to(from.sharedDevice(), from.shape());
  const double milliseconds = millisecondsOf(device, 10, [&] {
    submit({from}, {to}, [=] {
      requireSuccess(cudaMemcpyAsync(to.data<void>(), from.data<void>(), to.bytes(), cudaMemcpyDeviceToDevice, cudaStreamOf(to.device())),
                     "A copy");
    });
  });
  return 2 * static_cast<double>(kCopyBytes) / milliseconds;
}

struct Report {
  Device& device;
  double bandwidth;
  std::string rows;

  /// `touched` is what a call cannot avoid to read and write; `make` returns what it computes.
  void add(const std::string& name, const Shape& image, std::size_t touched, const std::function<Tensor()>& make, int calls = 20) {
    device.queue().drain();
    readFloats(make());  // throws what went wrong
    const double milliseconds = millisecondsOf(device, calls, make), floor = static_cast<double>(touched) / bandwidth;
    std::string row = "  { \"name\": \"" + name + "\", \"image\": \"" + toString(image) +
                      "\", \"milliseconds\": " + std::to_string(milliseconds) + ", \"floor\": " + std::to_string(floor) +
                      ", \"timesFloor\": " + std::to_string(milliseconds / floor) + " }";
    std::cout << row << std::endl;
    rows += (rows.empty() ? "" : ",\n") + row;
  }
};

Taps gaussian(std::int64_t side, double sigma) {
  Taps taps{side, side, side / 2, side / 2, {}};
  double sum = 0;
  for (std::int64_t i = 0; i < side * side; ++i) {
    const double y = static_cast<double>(i / side - side / 2), x = static_cast<double>(i % side - side / 2);
    taps.values.push_back(std::exp(-(x * x + y * y) / (2 * sigma * sigma)));
    sum += taps.values.back();
  }
  for (double& tap : taps.values) tap /= sum;
  return taps;
}

/// Averages of `factor` neighbours each.
SparseMatrix averaging(std::int64_t columns, std::int64_t factor) {
  SparseMatrix matrix{
      columns / factor, columns, {0}, {}, std::vector<double>(static_cast<std::size_t>(columns), 1.0 / static_cast<double>(factor))};
  for (std::int64_t j = 0; j < columns; ++j) {
    matrix.indices.push_back(static_cast<std::uint32_t>(j));
    if ((j + 1) % factor == 0) matrix.starts.push_back(static_cast<std::uint32_t>(j + 1));
  }
  return matrix;
}

void addKernels(Report& report, const Shape& shape) {
  const auto device = report.device.shared_from_this();
  const Tensor x = randn(device, shape, 1, 0), y = randn(device, shape, 1, 1);
  const std::size_t bytes = x.bytes();
  report.add("linearCombination", shape, 3 * bytes, [&] { return linearCombination(0.5, x, 2, y); });
  report.add("clip", shape, 2 * bytes, [&] { return clip(x, -1, 1); });
  report.add("full", shape, bytes, [&] { return full(device, shape, DType::f32, 1); });
  report.add("randn", shape, bytes, [&] { return randn(device, shape, 7, 3); });
  report.add("norm", shape, bytes, [&] { return norm(x); });
  report.add("power", shape, 2 * bytes, [&] { return power(x, 1, 2); });
  report.add("fitFrame", shape, 2 * bytes, [&] { return fitFrame(x, shape[2], shape[3]); });
  const std::int64_t planes = shape[0] * shape[1], height = shape[2], width = shape[3];
  const Tensor spectrum(device, {planes, height, halfWidth(width), 2}), back(device, shape);
  report.add("rfft2", shape, bytes + spectrum.bytes(), [&] {
    submit({x}, {spectrum}, [=] { rfft2(x.device(), planes, height, width, x.data<float>(), spectrum.data<float>()); });
    return spectrum;
  });
  report.add("irfft2", shape, bytes + spectrum.bytes(), [&] {
    submit({spectrum}, {back}, [=] { irfft2(back.device(), planes, height, width, spectrum.data<float>(), back.data<float>()); });
    return back;
  });
}

void addOperator(Report& report, const std::string& name, const Shape& shape, const std::shared_ptr<Operator>& op,
                 const PerImage& sigma = {}) {
  const auto device = report.device.shared_from_this();
  op->prepare();
  const Tensor x = randn(device, shape, 1, 0), z = linearCombination(1, x, 0.1, randn(device, shape, 1, 1)), clean = op->forward(x);
  const Tensor y = linearCombination(1, clean, 0.02, randn(device, clean.shape(), 1, 2)), residual = op->residual(z, y);
  const int calls = sigma.empty() ? 20 : 1;  // those with a sigma iterate
  report.add(name + ", forward", shape, x.bytes() + y.bytes(), [&] { return op->forward(x); });
  report.add(name + ", adjoint", shape, x.bytes() + y.bytes(), [&] { return op->adjoint(y); });
  report.add(name + ", residual", shape, x.bytes() + y.bytes() + residual.bytes(), [&] { return op->residual(z, y); });
  report.add(
      name + ", prox", shape, 2 * x.bytes() + residual.bytes(), [&] { return op->proxFromResidual(z, residual, 25, sigma); }, calls);
  report.add(name + ", errorVariance", shape, residual.bytes(), [&] { return op->errorVariance(residual, {0.02}, 1e-3); });
}

void addOperators(Report& report, std::int64_t side) {
  const auto device = report.device.shared_from_this();
  const Shape shape{1, 3, side, side};
  addOperator(report, "identity", shape, makeIdentity(device));
  addOperator(report, "channel mix", shape, makeChannelMix(device, {0.3, 0.6, 0.1}));
  std::vector<std::uint8_t> missing(static_cast<std::size_t>(side * side));
  for (std::size_t i = 0; i < missing.size(); i += 3) missing[i] = 1;
  addOperator(report, "mask", shape, makeMask(device, side, side, missing));
  addOperator(report, "separable, factor 8", shape, makeSeparable(device, averaging(side, 8), averaging(side, 8)));
  addOperator(report, "circular", shape, makeCircularConvolution(device, gaussian(19, 3), side, side, 1));
  addOperator(report, "circular, factor 4", shape, makeCircularConvolution(device, gaussian(19, 3), side, side, 4));
  addOperator(report, "reflect", shape, makeConvolution(device, gaussian(19, 3), side, side, 1, Boundary::reflect), {0.02});
}

std::string now() {
  const std::time_t time = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&time));
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "Expected latino_cuda_bench <result.json> <driver's version>\n";
    return 2;
  }
  try {
    const auto device = openCudaDevice();
    cudaDeviceProp properties{};
    int runtime = 0;
    requireSuccess(cudaGetDeviceProperties(&properties, 0), "Asking for the GPU's name");
    requireSuccess(cudaRuntimeGetVersion(&runtime), "Asking for a version");
    Report report{*device, bandwidthOf(*device), {}};
    const std::string head = "{\n \"device\": \"" + std::string(properties.name) + "\", \"driver\": \"" + argv[2] +
                             "\", \"cuda\": " + std::to_string(runtime) + ", \"date\": \"" + now() +
                             "\",\n \"command\": \"scripts/gpu-check.sh\",\n" +
                             " \"copyGigabytesPerSecond\": " + std::to_string(report.bandwidth / 1e6) + ",\n \"rows\": [\n";
    const auto write = [&] { std::ofstream(argv[1]) << head << report.rows << "\n ]\n}\n"; };
    for (const std::int64_t side : {512, 1024}) {
      addKernels(report, {1, 3, side, side});
      write();  // what comes later may be cut off
      addOperators(report, side);
      write();
    }
    addKernels(report, {16, 3, 1024, 1024});
    write();
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
