#include "inference/layers/attention.h"
#include "inference/layers/layer_type.h"
#include "inference/layers/layers.h"

namespace latino::layers {

namespace {

class AttentionLayer {
 public:
  static constexpr const char* kName = "Attention";
  static constexpr std::size_t kInputs = 3, kRequiredInputs = 3;
  static constexpr bool hasManyOutputs = false;

  AttentionLayer(const ort::KernelInfo* info, const LayerContext&)
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

}  // namespace

std::shared_ptr<const ort::CustomOp> attentionLayer(const LayerContext& context) {
  return std::make_shared<LayerType<AttentionLayer>>(context);
}

}  // namespace latino::layers
