// ONNX Runtime sessions whose inputs and outputs are bound to device memory.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace latino {

/// Opens the ONNX Runtime library at an absolute path, once per process. Throws RuntimeError.
void openRuntime(const std::string& libraryPath);
/// "1.30.0"; empty before openRuntime.
std::string runtimeVersion();

struct WeightSource;

/// What is added to a weight [m, n...] as it is read: factor * up down, with up [m, rank] and down [rank, n...] (Hu et al. 2021, LoRA).
struct LowRankUpdate {
  std::shared_ptr<const WeightSource> up, down;
  double factor = 1;
};

/// A weight that ONNX Runtime does not read from the file itself: because it is to be widened, or changed, or lies in memory.
struct WeightSource {
  std::string name;
  Shape shape;
  std::string sourceType;    // "F32", "F16", "BF16" as in safetensors
  std::string path;          // absolute file; empty when `data` holds the weight
  std::uint64_t offset = 0;  // bytes from the start of the file
  std::vector<std::byte> data;
  std::vector<LowRankUpdate> updates = {};
};

struct SessionOptions {
  std::string folder;                                    // what external data locations in the model are relative to; may be empty
  std::vector<WeightSource> weights;                     // become float32 on the CPU
  std::vector<WeightSource> layerWeights;                // read by our own layers when they first run
  unsigned threads = 0;                                  // 0: every core
  std::shared_ptr<Cancellation> cancellation = nullptr;  // of making the session, not of its runs
};

class Session {
 public:
  /// Blocking (seconds for a large model): call it away from the event loop. Throws ModelError, CancelledError.
  static std::shared_ptr<Session> create(std::shared_ptr<Device> device, std::span<const std::byte> model, SessionOptions options);
  virtual ~Session() = default;

  /// Enqueues a run, which ends early where what cancels the inputs does; outputs are given by name and shape (float32) and come back in
  /// the same order.
  virtual std::vector<Tensor> run(const std::vector<std::pair<std::string, Tensor>>& inputs,
                                  const std::vector<std::pair<std::string, Shape>>& outputs) = 0;

  virtual const std::shared_ptr<Device>& device() const = 0;
  /// Time that the device's queue has spent in ONNX Runtime for this session.
  double busySeconds() const { return std::chrono::duration<double>(std::chrono::nanoseconds(busy_)).count(); }

 protected:
  std::atomic<std::chrono::nanoseconds::rep> busy_ = 0;  // not of a double: no libc++ before 18 adds to one
};

}  // namespace latino
