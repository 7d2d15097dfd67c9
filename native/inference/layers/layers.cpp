#include "inference/layers/layers.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cpu/thread_pool.h"
#include "inference/layers/attention.h"
#include "inference/layers/conv3x3.h"
#include "inference/layers/group_norm.h"
#include "inference/layers/layer_call.h"
#include "inference/layers/linear.h"
#include "inference/runtime.h"
#include "inference/weights.h"

namespace latino::layers {

namespace {

using ort::check;

/// What layers get from their session.
struct Context {
  std::vector<WeightSource> weights;
  unsigned threads = 1;

  const WeightSource& weight(const std::string& name) const {
    const auto found = std::find_if(weights.begin(), weights.end(), [&](const WeightSource& source) { return source.name == name; });
    if (found == weights.end()) throw ModelError("Expected the weight " + name + " among those of the session's layers");
    return *found;
  }
};

/// A weight in half precision stays so.
WeightValues readValues(const WeightSource& weight) {
  if (isHalf(weight)) return readHalves(weight);
  return readWeight(weight);
}

class Conv3x3Layer {
 public:
  static constexpr const char* kName = "Conv3x3";
  static constexpr std::size_t kInputs = 4, kRequiredInputs = 1;
  static constexpr bool hasManyOutputs = false;

  Conv3x3Layer(const ort::KernelInfo* info, const Context& context) : convolution_(make(info, context)) {}

  void compute(const Call& call) {
    const Conv3x3Options& options = convolution_.options();
    const Shape x = shapeOf(call.input(0));
    const bool fromTokens = options.from == Layout::tokens;
    if (x.size() != 4 || x[fromTokens ? 3 : 1] != options.inputs)
      throw ModelError("Expected x of " + std::to_string(options.inputs) + " channels for Conv3x3 but received " + toString(x));
    Conv3x3Arguments arguments;
    arguments.n = x[0];
    arguments.height = x[fromTokens ? 1 : 2];
    arguments.width = x[fromTokens ? 2 : 3];
    const std::int64_t height = options.sizeOf(arguments.height), width = options.sizeOf(arguments.width);
    const Shape y =
        options.to == Layout::tokens ? Shape{x[0], height, width, options.outputs} : Shape{x[0], options.outputs, height, width};
    if (const ort::Value* residual = call.input(2); residual != nullptr && shapeOf(residual) != y)
      throw ModelError("Expected a residual of the shape of the output for Conv3x3");
    if (const ort::Value* shift = call.input(3); shift != nullptr) {
      const Shape shape = shapeOf(shift);
      if (shape.size() < 2 || shape[0] != x[0] || elementCount(shape) != x[0] * options.outputs)
        throw ModelError("Expected a shift [n, " + std::to_string(options.outputs) + "] for Conv3x3 but received " + toString(shape));
    }
    arguments.x = call.data(0);
    arguments.bias = call.data(1);
    arguments.residual = call.data(2);
    arguments.shift = call.data(3);
    arguments.y = call.output(y);
    convolution_.run(arguments, call.parallelFor());
  }

 private:
  static Conv3x3 make(const ort::KernelInfo* info, const Context& context) {
    const WeightSource& weight = context.weight(textAttribute(info, "weight"));
    checkWeight(weight);
    const Shape& shape = weight.shape;
    if (shape.size() != 4 || shape[2] != 3 || shape[3] != 3)
      throw ModelError("Expected a weight [m, c, 3, 3] for Conv3x3 but " + weight.name + " is " + toString(shape));
    Conv3x3Options options;
    options.isTransposed = integerAttribute(info, "transposed") != 0;
    options.outputs = shape[options.isTransposed ? 1 : 0];
    options.inputs = shape[options.isTransposed ? 0 : 1];
    options.upsample = integerAttribute(info, "upsample") != 0;
    options.stride = integerAttribute(info, "stride");
    options.from = static_cast<Layout>(integerAttribute(info, "from"));
    options.to = static_cast<Layout>(integerAttribute(info, "to"));
    options.activation = static_cast<Activation>(integerAttribute(info, "activation"));
    if ((options.from == Layout::tokens && options.inputs % kLanes != 0) || (options.to == Layout::tokens && options.outputs % kLanes != 0))
      throw ModelError("Expected multiples of eight channels side by side for Conv3x3 but " + weight.name + " is " + toString(shape));
    return Conv3x3([&weight] { return readValues(weight); }, options, context.threads);
  }

  Conv3x3 convolution_;
};

class LinearLayer {
 public:
  static constexpr const char* kName = "Linear";
  static constexpr std::size_t kInputs = 4, kRequiredInputs = 1;
  static constexpr bool hasManyOutputs = true;

  LinearLayer(const ort::KernelInfo* info, const Context& context) : epsilon_(floatAttribute(info, "epsilon")) {
    const std::vector<std::string> weights = linesAttribute(info, "weight"), biases = linesAttribute(info, "bias");
    if (weights.size() != biases.size()) throw ModelError("Expected as many biases as weights for Linear");
    for (std::size_t i = 0; i < weights.size(); ++i) layers_.push_back(make(info, context, weights[i], biases[i]));
  }

  void compute(const Call& call) {
    const Shape x = shapeOf(call.input(0));
    const ort::Value* residual = call.input(1);
    std::vector<LinearCall> calls;
    for (const auto& layer : layers_) {
      const LinearOptions& options = layer->options();
      if (x.size() < 2 || x[0] < 1 || x[options.from == Layout::image ? 1 : x.size() - 1] != options.inputs)
        throw ModelError("Expected " + std::to_string(options.inputs) + " channels for Linear but received " + toString(x));
      LinearArguments arguments;
      arguments.n = x[0];
      arguments.rows = elementCount(x) / (x[0] * options.inputs);
      const Shape y = outputShape(options, x, arguments.rows, residual);
      if (residual != nullptr && shapeOf(residual) != y) throw ModelError("Expected a residual of the shape of the output for Linear");
      arguments.x = call.data(0);
      arguments.residual = call.data(1);
      if (call.input(2) != nullptr) arguments.norm = {call.data(2), call.data(3), epsilon_};
      arguments.y = call.output(y, calls.size());
      calls.push_back({layer.get(), arguments});
    }
    run(calls, call.parallelFor());
  }

 private:
  static Shape outputShape(const LinearOptions& options, Shape x, std::int64_t rows, const ort::Value* residual) {
    const bool fromImage = options.from == Layout::image;
    if (options.to == Layout::image && !fromImage) {
      // Tokens do not tell the height and width of their image.
      const Shape y = residual == nullptr ? Shape{} : shapeOf(residual);
      if (y.size() < 2 || y[0] != x[0] || y[1] != options.outputs || elementCount(y) != x[0] * options.outputs * rows)
        throw ModelError("Expected a residual of the shape of the image for Linear");
      return y;
    }
    if (options.to == Layout::tokens && fromImage) return {x[0], rows, options.outputs};
    x[fromImage ? 1 : x.size() - 1] = options.outputs;
    return x;
  }

  static std::unique_ptr<Linear> make(const ort::KernelInfo* info, const Context& context, const std::string& weightName,
                                      const std::string& biasName) {
    const WeightSource& weight = context.weight(weightName);
    checkWeight(weight);
    LinearOptions options;
    options.from = static_cast<Layout>(integerAttribute(info, "from"));
    options.to = static_cast<Layout>(integerAttribute(info, "to"));
    options.activation = static_cast<Activation>(integerAttribute(info, "activation"));
    options.isGated = integerAttribute(info, "gated") != 0;
    options.isTransposed = integerAttribute(info, "transposed") != 0;
    const Shape& shape = weight.shape;
    const bool isMatrix = shape.size() >= 2 && std::all_of(shape.begin() + 2, shape.end(), [](std::int64_t size) { return size == 1; });
    if (!isMatrix || (options.isGated && shape[0] % 2 != 0))
      throw ModelError("Expected a weight [outputs, inputs] for Linear but " + weight.name + " is " + toString(shape));
    options.outputs = shape[options.isTransposed ? 1 : 0] / (options.isGated ? 2 : 1);
    options.inputs = shape[options.isTransposed ? 0 : 1];
    ReadWeight readBias;
    if (!biasName.empty()) {
      const WeightSource& bias = context.weight(biasName);
      checkWeight(bias);
      if (bias.shape != Shape{shape[0]})
        throw ModelError("Expected a bias [" + std::to_string(shape[0]) + "] for Linear but " + bias.name + " is " + toString(bias.shape));
      readBias = [&bias] { return readValues(bias); };
    }
    return std::make_unique<Linear>([&weight] { return readValues(weight); }, std::move(readBias), options, context.threads);
  }

  std::vector<std::unique_ptr<Linear>> layers_;
  float epsilon_;
};

class AttentionLayer {
 public:
  static constexpr const char* kName = "Attention";
  static constexpr std::size_t kInputs = 3, kRequiredInputs = 3;
  static constexpr bool hasManyOutputs = false;

  AttentionLayer(const ort::KernelInfo* info, const Context&)
      : heads_(integerAttribute(info, "num_heads")), isCausal_(integerAttribute(info, "causal") != 0) {}

  void compute(const Call& call) {
    const Shape query = shapeOf(call.input(0)), key = shapeOf(call.input(1)), value = shapeOf(call.input(2));
    if (query.size() != 3 || key.size() != 3 || key != value || query[0] != key[0] || query[2] != key[2] || query[2] % heads_ != 0)
      throw ModelError("Expected query [n, s, c] and keys and values [n, t, c] of " + std::to_string(heads_) +
                       " heads for Attention but received " + toString(query) + ", " + toString(key) + " and " + toString(value));
    attention(
        {call.data(0), call.data(1), call.data(2), call.output(query), query[0], query[1], key[1], heads_, query[2] / heads_, isCausal_},
        call.parallelFor());
  }

 private:
  std::int64_t heads_;
  bool isCausal_;
};

class GroupNormLayer {
 public:
  static constexpr const char* kName = "GroupNorm";
  static constexpr std::size_t kInputs = 3, kRequiredInputs = 3;
  static constexpr bool hasManyOutputs = false;

  GroupNormLayer(const ort::KernelInfo* info, const Context&)
      : groups_(integerAttribute(info, "groups")),
        epsilon_(floatAttribute(info, "epsilon")),
        activation_(static_cast<Activation>(integerAttribute(info, "activation"))) {}

  void compute(const Call& call) {
    const Shape x = shapeOf(call.input(0));
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

/// The table by which ONNX Runtime calls a layer.
template <class Layer>
struct LayerType : ort::CustomOp {
  explicit LayerType(const Context& session) : ort::CustomOp{}, context(session) {
    version = ort::kApiVersion;
    getName = [](const ort::CustomOp*) { return Layer::kName; };
    getExecutionProvider = [](const ort::CustomOp*) { return static_cast<const char*>(nullptr); };
    getInputType = [](const ort::CustomOp*, std::size_t) { return static_cast<int>(ort::kFloat); };
    getInputTypeCount = [](const ort::CustomOp*) { return Layer::kInputs; };
    getOutputType = [](const ort::CustomOp*, std::size_t) { return static_cast<int>(ort::kFloat); };
    getOutputTypeCount = [](const ort::CustomOp*) { return std::size_t{1}; };
    kernelDestroy = [](void* layer) { delete static_cast<Layer*>(layer); };
    getInputCharacteristic = [](const ort::CustomOp*, std::size_t index) {
      return static_cast<int>(index < Layer::kRequiredInputs ? ort::kRequired : ort::kOptional);
    };
    getOutputCharacteristic = [](const ort::CustomOp*, std::size_t) {
      return static_cast<int>(Layer::hasManyOutputs ? ort::kVariadic : ort::kRequired);
    };
    getInputMemoryType = [](const ort::CustomOp*, std::size_t) { return static_cast<int>(ort::kDefaultMemory); };
    const auto one = [](const ort::CustomOp*) { return 1; };
    getVariadicInputMinArity = one;
    getVariadicInputHomogeneity = one;
    getVariadicOutputMinArity = one;
    getVariadicOutputHomogeneity = one;
    createKernel = [](const ort::CustomOp* self, ort::Table*, const ort::KernelInfo* info, void** layer) {
      return guarded([&] { *layer = new Layer(info, static_cast<const LayerType*>(self)->context); });
    };
    kernelCompute = [](void* layer, ort::KernelContext* context) {
      return guarded([&] { static_cast<Layer*>(layer)->compute(Call(context)); });
    };
    getStartVersion = one;
    getEndVersion = [](const ort::CustomOp*) { return std::numeric_limits<int>::max(); };
  }

  const Context& context;
};

}  // namespace

struct Layers::Parts {
  explicit Parts(std::vector<WeightSource> weights) : context{std::move(weights), availableCores()} {
    ort::CustomOpDomain* raw = nullptr;
    check<RuntimeError>(ort::createCustomOpDomain(ort::table(), "latino.cpu", &raw));
    domain.reset(raw);
    check<RuntimeError>(ort::customOpDomainAdd(ort::table(), raw, &conv3x3));
    check<RuntimeError>(ort::customOpDomainAdd(ort::table(), raw, &groupNorm));
    check<RuntimeError>(ort::customOpDomainAdd(ort::table(), raw, &linear));
    check<RuntimeError>(ort::customOpDomainAdd(ort::table(), raw, &attention));
  }

  Context context;
  LayerType<Conv3x3Layer> conv3x3{context};
  LayerType<GroupNormLayer> groupNorm{context};
  LayerType<LinearLayer> linear{context};
  LayerType<AttentionLayer> attention{context};
  ort::OwnedDomain domain;
};

Layers::Layers(std::vector<WeightSource> weights) : parts_(std::make_unique<Parts>(std::move(weights))) {}
Layers::~Layers() = default;

void Layers::addTo(ort::SessionOptions* settings) const {
  check<RuntimeError>(ort::addCustomOpDomain(ort::table(), settings, parts_->domain.get()));
}

}  // namespace latino::layers
