#include "inference/session.h"

#include <atomic>
#include <chrono>
#include <mutex>

#include "inference/provider.h"
#include "inference/runtime.h"
#include "inference/weights.h"
#include "tensor/error.h"

namespace latino {

namespace {

int elementTypeOf(DType dtype) { return dtype == DType::f32 ? ort::kFloat : dtype == DType::f16 ? ort::kFloat16 : ort::kInt64; }

template <class E>
ort::OwnedValue wrap(const ort::MemoryInfo* memory, void* data, std::size_t bytes, const Shape& shape, int type) {
  ort::Value* value = nullptr;
  ort::check<E>(ort::createTensorWithData(ort::table(), memory, data, bytes, shape.data(), shape.size(), type, &value));
  return ort::OwnedValue(value);
}

/// As ort::check, for work that ONNX Runtime gives up where it is cancelled: that is no failure of its own.
template <class E>
void checkInterruptible(ort::Status* status) {
  try {
    ort::check<E>(status);
  } catch (const E&) {
    throwIfCancelled();
    throw;
  }
}

/// ONNX Runtime enters the domain of our operators into a map of the process, and looks whether it is there without a lock: of sessions
/// that are begun side by side two may find it missing, and one of them fails. So the first session of a process is made alone.
ort::OwnedSession load(std::span<const std::byte> model, ort::SessionOptions* settings) {
  static std::mutex mutex;
  static bool isDomainKnown = false;
  std::unique_lock lock(mutex);
  if (isDomainKnown) lock.unlock();
  const Cancellation::Interrupt interrupt(currentCancellation(), [settings] {
    if (ort::Status* status = ort::setLoadCancellation(ort::table(), settings, true)) ort::releaseStatus(ort::table(), status);
  });
  ort::Session* session = nullptr;
  checkInterruptible<ModelError>(
      ort::createSessionFromArray(ort::table(), ort::environment(), model.data(), model.size(), settings, &session));
  if (lock) isDomainKnown = true;
  return ort::OwnedSession(session);
}

using Inputs = std::vector<std::pair<std::string, Tensor>>;
using Outputs = std::vector<std::pair<std::string, Shape>>;

/// Enqueues run(written), which computes the outputs of a session on the device, and returns these.
template <class Run>
std::vector<Tensor> enqueue(const std::shared_ptr<Device>& device, const Inputs& inputs, const Outputs& outputs, const Run& run) {
  std::vector<Tensor> read, written;
  for (const auto& [name, tensor] : inputs) {
    if (tensor.sharedDevice() != device) throw ArgumentError("Expected input " + name + " on the session's device but it is on another");
    read.push_back(tensor);
  }
  for (const auto& [name, shape] : outputs) written.emplace_back(device, shape);
  submit(read, written, [run, written] { run(written); });
  return written;
}

class BoundSession final : public Session, public std::enable_shared_from_this<BoundSession> {
 public:
  BoundSession(std::shared_ptr<Device> device, std::span<const std::byte> model, SessionOptions options)
      : device_(std::move(device)),
        files_(std::move(options.files)),
        provider_(*device_, marked(std::move(options.layerWeights)), options.threads) {
    readWeights(marked(std::move(options.weights)));
    open(model, options);
    requireUnchangedFiles();
    if (provider_.copiesWeights()) {
      weightValues_.clear();
      weights_.clear();
    }
  }

  std::vector<Tensor> run(const Inputs& inputs, const Outputs& outputs) override {
    return enqueue(device_, inputs, outputs, [self = shared_from_this(), inputs, outputs](const std::vector<Tensor>& written) {
      self->runBound(inputs, outputs, written, self->busy_);
    });
  }

  const std::shared_ptr<Device>& device() const override { return device_; }

  /// Inside tasks only; adds the time that it takes to `busy`.
  void runBound(const Inputs& inputs, const Outputs& outputs, const std::vector<Tensor>& written,
                std::atomic<std::chrono::nanoseconds::rep>& busy) {
    ort::IoBinding* raw = nullptr;
    ort::check<RuntimeError>(ort::createIoBinding(ort::table(), session_.get(), &raw));
    const ort::OwnedBinding binding(raw);
    std::vector<ort::OwnedValue> values;
    for (const auto& [name, tensor] : inputs) {
      values.push_back(
          wrap<RuntimeError>(provider_.memory(), tensor.data<void>(), tensor.bytes(), tensor.shape(), elementTypeOf(tensor.dtype())));
      ort::check<RuntimeError>(ort::bindInput(ort::table(), raw, name.c_str(), values.back().get()));
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const Tensor& tensor = written[i];
      values.push_back(wrap<RuntimeError>(provider_.memory(), tensor.data<void>(), tensor.bytes(), tensor.shape(), ort::kFloat));
      ort::check<RuntimeError>(ort::bindOutput(ort::table(), raw, outputs[i].first.c_str(), values.back().get()));
    }
    ort::RunOptions* options = nullptr;
    ort::check<RuntimeError>(ort::createRunOptions(ort::table(), &options));
    const ort::OwnedRunOptions owner(options);
    // Between nodes ONNX Runtime looks at this; our own layers look themselves, between their pieces.
    const Cancellation::Interrupt interrupt(currentCancellation(), [options] {
      if (ort::Status* failed = ort::setTerminate(ort::table(), options)) ort::releaseStatus(ort::table(), failed);
    });
    const auto begun = std::chrono::steady_clock::now();
    ort::Status* status = ort::runWithBinding(ort::table(), session_.get(), options, raw);
    busy += std::chrono::nanoseconds(std::chrono::steady_clock::now() - begun).count();
    try {
      checkInterruptible<RuntimeError>(status);
    } catch (const RuntimeError&) {
      // Of what a layer throws ONNX Runtime makes an error of its own.
      for (const auto& [path, version] : readFiles_) requireUnchanged(path, version);
      throw;
    }
    requireUnchangedFiles();
  }

 private:
  void open(std::span<const std::byte> model, const SessionOptions& options) {
    ort::SessionOptions* raw = nullptr;
    ort::check<RuntimeError>(ort::createSessionOptions(ort::table(), &raw));
    const ort::OwnedOptions settings(raw);
    ort::check<RuntimeError>(ort::setGraphOptimizationLevel(ort::table(), raw, ort::kOptimizeAll));
    const auto set = [raw](const char* key, const char* value) {
      ort::check<RuntimeError>(ort::addSessionConfigEntry(ort::table(), raw, key, value));
    };
    provider_.configure(raw);
    // The networks run in turn: threads that went on spinning after a run would take the cores that the next network, and JavaScript, need.
    set("session.force_spinning_stop", "1");
    if (!options.folder.empty()) set("session.model_external_initializers_file_folder_path", options.folder.c_str());
    if (!weightValues_.empty()) {
      std::vector<const char*> names;
      std::vector<const ort::Value*> values;
      for (const std::string& name : weightNames_) names.push_back(name.c_str());
      for (const ort::OwnedValue& value : weightValues_) values.push_back(value.get());
      ort::check<ModelError>(ort::addExternalInitializers(ort::table(), raw, names.data(), values.data(), names.size()));
    }
    session_ = load(model, raw);
  }

  /// The weights, which note in this session that they have been read.
  std::vector<WeightSource> marked(std::vector<WeightSource> sources) {
    for (WeightSource& source : sources) {
      source.mark = std::make_shared<ReadMark>();
      source.mark->sessionBytes = readBytes_;
      weightBytes_ += storedBytes(source);
      if (source.version) readFiles_.emplace(source.path, *source.version);
    }
    return sources;
  }

  /// ONNX Runtime maps these files: what is written to them while the session lives it would compute with.
  void requireUnchangedFiles() const {
    for (const MappedFile& file : files_) requireUnchanged(file.path, file.version);
  }

  void readWeights(const std::vector<WeightSource>& sources) {
    const ort::OwnedMemoryInfo memory = ort::hostMemory(ort::kDeviceAllocator);
    for (const WeightSource& source : sources) {
      weights_.push_back(sharedWeight(source));
      weightNames_.push_back(source.name);
      // ONNX Runtime only reads initializers, whatever the type of its argument.
      auto* data = const_cast<float*>(weights_.back()->data());
      weightValues_.push_back(wrap<ModelError>(memory.get(), data, weights_.back()->size() * sizeof(float), source.shape, ort::kFloat));
    }
  }

  std::shared_ptr<Device> device_;
  std::vector<MappedFile> files_;
  std::map<std::string, FileVersion> readFiles_;  // of weights that we read ourselves
  Provider provider_;
  // ONNX Runtime uses these buffers in place, so they live as long as the session does, unless its provider has copied them.
  std::vector<std::shared_ptr<const HostVector<float>>> weights_;
  std::vector<std::string> weightNames_;
  std::vector<ort::OwnedValue> weightValues_;
  ort::OwnedSession session_;
};

/// Its network is loaded by the first run, and by the next where that failed.
class DeferredSession final : public Session, public std::enable_shared_from_this<DeferredSession> {
 public:
  DeferredSession(std::shared_ptr<Device> device, std::vector<std::byte> model, SessionOptions options)
      : device_(std::move(device)), model_(std::move(model)), options_(std::move(options)) {}

  std::vector<Tensor> run(const Inputs& inputs, const Outputs& outputs) override {
    return enqueue(device_, inputs, outputs, [self = shared_from_this(), inputs, outputs](const std::vector<Tensor>& written) {
      if (!self->loaded_) self->loaded_ = std::make_unique<BoundSession>(self->device_, self->model_, self->options_);
      self->loaded_->runBound(inputs, outputs, written, self->busy_);
    });
  }

  const std::shared_ptr<Device>& device() const override { return device_; }

 private:
  std::shared_ptr<Device> device_;
  std::vector<std::byte> model_;
  SessionOptions options_;
  std::unique_ptr<BoundSession> loaded_;  // of the queue's thread
};

}  // namespace

std::shared_ptr<Session> Session::create(std::shared_ptr<Device> device, std::span<const std::byte> model, SessionOptions options) {
  const CancellationScope scope(std::move(options.cancellation));
  throwIfCancelled();
  return std::make_shared<BoundSession>(std::move(device), model, std::move(options));
}

std::shared_ptr<Session> Session::defer(std::shared_ptr<Device> device, std::vector<std::byte> model, SessionOptions options) {
  return std::make_shared<DeferredSession>(std::move(device), std::move(model), std::move(options));
}

}  // namespace latino
