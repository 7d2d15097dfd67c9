#include <algorithm>
#include <utility>

#include "inference/layers/layer_type.h"
#include "inference/layers/layers.h"
#include "inference/layers/linear.h"

namespace latino::layers {

namespace {

class LinearLayer {
 public:
  static constexpr const char* kName = "Linear";
  static constexpr std::size_t kInputs = 4, kRequiredInputs = 1;
  static constexpr bool hasManyOutputs = true;

  LinearLayer(const ort::KernelInfo* info, const LayerContext& context) : epsilon_(floatAttribute(info, "epsilon")) {
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

  static std::unique_ptr<Linear> make(const ort::KernelInfo* info, const LayerContext& context, const std::string& weightName,
                                      const std::string& biasName) {
    const WeightSource& weight = context.weight(weightName);
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
      if (bias.shape != Shape{shape[0]})
        throw ModelError("Expected a bias [" + std::to_string(shape[0]) + "] for Linear but " + bias.name + " is " + toString(bias.shape));
      readBias = reader(bias);
    }
    return std::make_unique<Linear>(reader(weight), std::move(readBias), options, context.threads, context.packed);
  }

  std::vector<std::unique_ptr<Linear>> layers_;
  float epsilon_;
};

}  // namespace

std::shared_ptr<const ort::CustomOp> linearLayer(const LayerContext& context) { return std::make_shared<LayerType<LinearLayer>>(context); }

}  // namespace latino::layers
