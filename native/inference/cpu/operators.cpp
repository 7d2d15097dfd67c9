#include "inference/cpu/operators.h"

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inference/cpu/group_norm.h"
#include "inference/cpu/winograd.h"
#include "inference/runtime.h"
#include "tensor/thread_pool.h"

namespace latino::cpu {

namespace {

using ort::check;

std::int64_t integerAttribute(const ort::KernelInfo* info, const char* name) {
  std::int64_t value = 0;
  check<ModelError>(ort::kernelInfoGetInteger(ort::table(), info, name, &value));
  return value;
}

float floatAttribute(const ort::KernelInfo* info, const char* name) {
  float value = 0;
  check<ModelError>(ort::kernelInfoGetFloat(ort::table(), info, name, &value));
  return value;
}

std::vector<std::int64_t> shapeOf(const ort::Value* value) {
  ort::TensorInfo* raw = nullptr;
  check<RuntimeError>(ort::getTensorTypeAndShape(ort::table(), value, &raw));
  const ort::OwnedTensorInfo info(raw);
  std::size_t rank = 0;
  check<RuntimeError>(ort::getDimensionsCount(ort::table(), raw, &rank));
  std::vector<std::int64_t> shape(rank);
  check<RuntimeError>(ort::getDimensions(ort::table(), raw, shape.data(), rank));
  return shape;
}

const float* dataOf(const ort::Value* value) {
  void* data = nullptr;
  // ONNX Runtime has one accessor, for reading and writing.
  check<RuntimeError>(ort::getTensorData(ort::table(), const_cast<ort::Value*>(value), &data));
  return static_cast<const float*>(data);
}

/// What one call of a kernel reads and writes.
class Call {
 public:
  explicit Call(ort::KernelContext* context) : context_(context) {
    check<RuntimeError>(ort::getInputCount(ort::table(), context, &inputs_));
  }

  /// Null when an optional input is left out.
  const ort::Value* input(std::size_t index) const {
    const ort::Value* value = nullptr;
    if (index < inputs_) check<RuntimeError>(ort::getInput(ort::table(), context_, index, &value));
    return value;
  }
  const float* data(std::size_t index) const {
    const ort::Value* value = input(index);
    return value == nullptr ? nullptr : dataOf(value);
  }
  float* output(const std::vector<std::int64_t>& shape) const {
    ort::Value* value = nullptr;
    check<RuntimeError>(ort::getOutput(ort::table(), context_, 0, shape.data(), shape.size(), &value));
    void* data = nullptr;
    check<RuntimeError>(ort::getTensorData(ort::table(), value, &data));
    return static_cast<float*>(data);
  }
  /// On the session's own threads.
  ParallelFor parallelFor() const {
    return [context = context_](std::size_t count, const std::function<void(std::size_t)>& task) {
      const auto run = [](void* user, std::size_t index) { (*static_cast<const std::function<void(std::size_t)>*>(user))(index); };
      check<RuntimeError>(ort::parallelFor(ort::table(), context, run, count, 0, const_cast<std::function<void(std::size_t)>*>(&task)));
    };
  }

 private:
  ort::KernelContext* context_;
  std::size_t inputs_ = 0;
};

class Conv3x3Kernel {
 public:
  static constexpr const char* kName = "Conv3x3";
  static constexpr std::size_t kInputs = 4, kRequiredInputs = 2;

  Conv3x3Kernel(const ort::KernelInfo* info, unsigned threads)
      : threads_(threads),
        activation_(static_cast<Activation>(integerAttribute(info, "activation"))),
        upsample_(integerAttribute(info, "upsample") != 0),
        transposed_(integerAttribute(info, "transposed") != 0) {}

  void compute(const Call& call) {
    const std::vector<std::int64_t> x = shapeOf(call.input(0));
    std::vector<std::int64_t> weight = shapeOf(call.input(1));
    if (transposed_ && weight.size() == 4) std::swap(weight[0], weight[1]);
    if (x.size() != 4 || weight.size() != 4 || weight[1] != x[1] || weight[2] != 3 || weight[3] != 3)
      throw ModelError("Expected x [n, c, h, w] and a weight [m, c, 3, 3], or [c, m, 3, 3] when transposed, for Conv3x3");
    // The weight is an initializer: the same memory in every call.
    if (!convolution_) convolution_.emplace(call.data(1), weight[0], weight[1], threads_, transposed_);
    const std::int64_t factor = upsample_ ? 2 : 1;
    const std::vector<std::int64_t> y = {x[0], weight[0], factor * x[2], factor * x[3]};
    if (const ort::Value* residual = call.input(3); residual != nullptr && shapeOf(residual) != y)
      throw ModelError("Expected a residual of the shape of the output for Conv3x3");
    Conv3x3Arguments arguments;
    arguments.x = call.data(0);
    arguments.bias = call.data(2);
    arguments.residual = call.data(3);
    arguments.y = call.output(y);
    arguments.n = y[0];
    arguments.height = y[2];
    arguments.width = y[3];
    arguments.upsample = upsample_;
    arguments.activation = activation_;
    convolution_->run(arguments, call.parallelFor());
  }

 private:
  unsigned threads_;
  Activation activation_;
  bool upsample_;
  bool transposed_;
  std::optional<Conv3x3> convolution_;
};

class GroupNormKernel {
 public:
  static constexpr const char* kName = "GroupNorm";
  static constexpr std::size_t kInputs = 3, kRequiredInputs = 3;

  GroupNormKernel(const ort::KernelInfo* info, unsigned)
      : groups_(integerAttribute(info, "groups")),
        epsilon_(floatAttribute(info, "epsilon")),
        activation_(static_cast<Activation>(integerAttribute(info, "activation"))) {}

  void compute(const Call& call) {
    const std::vector<std::int64_t> x = shapeOf(call.input(0));
    if (x.size() < 2 || x[1] % groups_ != 0)
      throw ModelError("Expected channels that are a multiple of " + std::to_string(groups_) + " groups for GroupNorm");
    GroupNormArguments arguments;
    arguments.x = call.data(0);
    arguments.scale = call.data(1);
    arguments.bias = call.data(2);
    arguments.y = call.output(x);
    arguments.n = x[0];
    arguments.channels = x[1];
    arguments.size = 1;
    for (std::size_t axis = 2; axis < x.size(); ++axis) arguments.size *= x[axis];
    arguments.groups = groups_;
    arguments.epsilon = epsilon_;
    arguments.activation = activation_;
    groupNorm(arguments, call.parallelFor());
  }

 private:
  std::int64_t groups_;
  float epsilon_;
  Activation activation_;
};

/// Runs `body` and turns what it throws into a status: no exception may pass through ONNX Runtime.
template <class Body>
ort::Status* guarded(const Body& body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const std::exception& error) {
    return ort::createStatus(ort::table(), ort::kFail, error.what());
  }
}

/// The table by which ONNX Runtime calls a kernel.
template <class Kernel>
struct Operator : ort::CustomOp {
  explicit Operator(unsigned count) : ort::CustomOp{}, threads(count) {
    version = ort::kApiVersion;
    getName = [](const ort::CustomOp*) { return Kernel::kName; };
    getExecutionProvider = [](const ort::CustomOp*) { return static_cast<const char*>(nullptr); };
    getInputType = [](const ort::CustomOp*, std::size_t) { return static_cast<int>(ort::kFloat); };
    getInputTypeCount = [](const ort::CustomOp*) { return Kernel::kInputs; };
    getOutputType = [](const ort::CustomOp*, std::size_t) { return static_cast<int>(ort::kFloat); };
    getOutputTypeCount = [](const ort::CustomOp*) { return std::size_t{1}; };
    kernelDestroy = [](void* kernel) { delete static_cast<Kernel*>(kernel); };
    getInputCharacteristic = [](const ort::CustomOp*, std::size_t index) {
      return static_cast<int>(index < Kernel::kRequiredInputs ? ort::kRequired : ort::kOptional);
    };
    getOutputCharacteristic = [](const ort::CustomOp*, std::size_t) { return static_cast<int>(ort::kRequired); };
    getInputMemoryType = [](const ort::CustomOp*, std::size_t) { return static_cast<int>(ort::kDefaultMemory); };
    const auto one = [](const ort::CustomOp*) { return 1; };
    getVariadicInputMinArity = one;
    getVariadicInputHomogeneity = one;
    getVariadicOutputMinArity = one;
    getVariadicOutputHomogeneity = one;
    createKernel = [](const ort::CustomOp* self, ort::Table*, const ort::KernelInfo* info, void** kernel) {
      return guarded([&] { *kernel = new Kernel(info, static_cast<const Operator*>(self)->threads); });
    };
    kernelCompute = [](void* kernel, ort::KernelContext* context) {
      return guarded([&] { static_cast<Kernel*>(kernel)->compute(Call(context)); });
    };
    getStartVersion = one;
    getEndVersion = [](const ort::CustomOp*) { return std::numeric_limits<int>::max(); };
  }

  unsigned threads;
};

/// The operators and their domain. ONNX Runtime keeps pointers to them as long as any session lives: they are never destroyed.
ort::CustomOpDomain* makeDomain(unsigned threads) {
  ort::CustomOpDomain* domain = nullptr;
  check<RuntimeError>(ort::createCustomOpDomain(ort::table(), "latino.cpu", &domain));
  check<RuntimeError>(ort::customOpDomainAdd(ort::table(), domain, new Operator<Conv3x3Kernel>(threads)));
  check<RuntimeError>(ort::customOpDomainAdd(ort::table(), domain, new Operator<GroupNormKernel>(threads)));
  return domain;
}

}  // namespace

void addOperators(ort::SessionOptions* settings) {
  static ort::CustomOpDomain* const domain = makeDomain(availableCores());
  check<RuntimeError>(ort::addCustomOpDomain(ort::table(), settings, domain));
}

}  // namespace latino::cpu
