#include "inference/layers/group_norm.h"
#include "inference/layers/layer_type.h"
#include "inference/layers/layers.h"

namespace latino::layers {

namespace {

class GroupNormLayer {
 public:
  static constexpr const char* kName = "GroupNorm";
  static constexpr std::size_t kInputs = 4, kRequiredInputs = 3;
  static constexpr bool hasManyOutputs = false;

  GroupNormLayer(const ort::KernelInfo* info, const LayerContext&)
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
    if (const ort::Value* moments = call.input(3); moments != nullptr) {
      if (const Shape shape = shapeOf(moments); shape != Shape{x[0], groups_, 3})
        throw ModelError("Expected moments [n, " + std::to_string(groups_) + ", 3] for GroupNorm but received " + toString(shape));
      arguments.moments = call.data(3);
    }
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

}  // namespace

std::shared_ptr<const ort::CustomOp> groupNormLayer(const LayerContext& context) {
  return std::make_shared<LayerType<GroupNormLayer>>(context);
}

}  // namespace latino::layers
