// ONNX Runtime sessions whose inputs and outputs are bound to device memory.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
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

/// A file as it was when its header was read.
struct FileVersion {
  std::uint64_t size = 0;
  std::int64_t modified = 0;  // nanoseconds since 1970
};

/// Notes once that a weight has been read, among those of its session.
struct ReadMark {
  std::shared_ptr<std::atomic<std::uint64_t>> sessionBytes;
  std::atomic<bool> isRead = false;
};

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
  bool isTransposed = false;  // the transpose of this matrix is stored
  std::optional<FileVersion> version = {};
  std::shared_ptr<ReadMark> mark = {};
};

/// A file that ONNX Runtime reads itself, in place.
struct MappedFile {
  std::string path;
  FileVersion version;
};

struct SessionOptions {
  std::string folder;                                    // what external data locations in the model are relative to; may be empty
  std::vector<WeightSource> weights;                     // become float32 on the CPU
  std::vector<WeightSource> layerWeights;                // read by our own layers when they first run
  std::vector<MappedFile> files;                         // with the other weights; they must stay as they are
  unsigned threads = 0;                                  // 0: every core
  std::shared_ptr<Cancellation> cancellation = nullptr;  // of making the session, not of its runs
};

class Session {
 public:
  /// Blocking (seconds for a large model): call it away from the event loop. Throws ModelError, CancelledError.
  static std::shared_ptr<Session> create(std::shared_ptr<Device> device, std::span<const std::byte> model, SessionOptions options);
  /// Returns at once: the network is loaded by the task that first runs it, and what is wrong with it is what goes wrong there.
  static std::shared_ptr<Session> defer(std::shared_ptr<Device> device, std::vector<std::byte> model, SessionOptions options);
  virtual ~Session() = default;

  /// Enqueues a run, which ends early where what cancels the inputs does; outputs are given by name and shape (float32) and come back in
  /// the same order.
  virtual std::vector<Tensor> run(const std::vector<std::pair<std::string, Tensor>>& inputs,
                                  const std::vector<std::pair<std::string, Shape>>& outputs) = 0;

  virtual const std::shared_ptr<Device>& device() const = 0;
  /// Time that the device's queue has spent in ONNX Runtime for this session.
  double busySeconds() const { return std::chrono::duration<double>(std::chrono::nanoseconds(busy_)).count(); }
  /// Bytes of weights that have been read from their files so far, and of all that a run reads; without those that ONNX Runtime reads
  /// itself.
  std::uint64_t readBytes() const { return *readBytes_; }
  std::uint64_t weightBytes() const { return weightBytes_; }

 protected:
  std::atomic<std::chrono::nanoseconds::rep> busy_ = 0;  // not of a double: no libc++ before 18 adds to one
  std::shared_ptr<std::atomic<std::uint64_t>> readBytes_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::uint64_t weightBytes_ = 0;
};

}  // namespace latino
