// Our layers inside ONNX Runtime's CPU provider, domain 'latino.cpu'. What they compute is in conv3x3.h, linear.h, attention.h
// and group_norm.h; an activation is 0 none, 1 relu, 2 silu, 3 gelu, 4 quick gelu; a layout is 0 tokens, 1 image. Weights are named, not
// given: layers read them themselves.
//
//   Conv3x3(x, bias?, residual?, shift?) -> y
//     attributes: weight, activation, upsample (0, 1), stride (1, 2), transposed (0, 1), from, to
//   Linear(x, residual?, norm scale?, norm bias?) -> y...
//     attributes: weight and bias (a line for each y), epsilon, from, to, activation, gated (0, 1), transposed (0, 1)
//   Attention(query, key, value) -> y
//     attributes: num_heads, causal (0, 1)
//   GroupNorm(x, scale, bias) -> y
//     attributes: groups, epsilon, activation
#pragma once

#include <memory>
#include <vector>

#include "inference/ort_api.h"
#include "inference/session.h"
#include "tensor/memory_source.h"

namespace latino::layers {

struct LayerContext;

/// What ONNX Runtime is told of a type of layers; the context must outlive it.
std::shared_ptr<const ort::CustomOp> conv3x3Layer(const LayerContext& context);
std::shared_ptr<const ort::CustomOp> linearLayer(const LayerContext& context);
std::shared_ptr<const ort::CustomOp> attentionLayer(const LayerContext& context);
std::shared_ptr<const ort::CustomOp> groupNormLayer(const LayerContext& context);

/// The layers of one session; they outlive it.
class Layers {
 public:
  /// `weights`: those that layers name in their attributes. They are read when a layer wants them, and kept packed only: while there is no
  /// work, at most half as many bytes as they are in their files. `threads`: those of the session, among which layers share their work.
  Layers(std::vector<WeightSource> weights, unsigned threads);
  ~Layers();

  /// Makes the layers known to a session that is being configured.
  void addTo(ort::SessionOptions* settings) const;
  /// The packed weights, which may be trimmed between runs.
  std::weak_ptr<KeptMemory> packed() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace latino::layers
