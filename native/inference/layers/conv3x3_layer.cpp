#include "inference/layers/conv3x3.h"
#include "inference/layers/layer_type.h"
#include "inference/layers/layers.h"

namespace latino::layers {

namespace {

class Conv3x3Layer {
 public:
  static constexpr const char* kName = "Conv3x3";
  static constexpr std::size_t kInputs = 4, kRequiredInputs = 1;
  static constexpr bool hasManyOutputs = false;

  Conv3x3Layer(const ort::KernelInfo* info, const LayerContext& context) : convolution_(make(info, context)) {}

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
  static Conv3x3 make(const ort::KernelInfo* info, const LayerContext& context) {
    const WeightSource& weight = context.weight(textAttribute(info, "weight"));
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
    return Conv3x3(reader(weight), options, context.threads, context.packed);
  }

  Conv3x3 convolution_;
};

}  // namespace

std::shared_ptr<const ort::CustomOp> conv3x3Layer(const LayerContext& context) {
  return std::make_shared<LayerType<Conv3x3Layer>>(context);
}

}  // namespace latino::layers
