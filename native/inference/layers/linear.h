// y = activation(x weight^T + bias + residual) for rows of channels: tokens, or the pixels of an image (a 1 x 1 convolution).
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "inference/layers/activation.h"
#include "inference/layers/layout.h"
#include "inference/layers/packed_store.h"
#include "inference/layers/parallel.h"

namespace latino::layers {

/// Layer normalisation of x before the product; only of tokens.
struct LayerNorm {
  const float* scale = nullptr;  // [inputs]
  const float* bias = nullptr;   // [inputs]
  float epsilon = 0;
};

struct LinearArguments {
  const float* x = nullptr;         // [n, rows, inputs] or [n, inputs, rows]
  const float* residual = nullptr;  // like y, may be absent; added before the activation
  float* y = nullptr;               // [n, rows, outputs] or [n, outputs, rows]
  std::int64_t n = 1, rows = 0;
  std::optional<LayerNorm> norm;
};

struct LinearOptions {
  std::int64_t outputs = 0, inputs = 0;
  Layout from = Layout::tokens, to = Layout::tokens;
  Activation activation = Activation::none;
  /// The weight has twice as many outputs, values before gates: y = value activation(gate) + residual. Only for tokens.
  bool isGated = false;
  /// The weight is [inputs, outputs], and x is multiplied by it as it is: the derivative of the layer.
  bool isTransposed = false;
};

class Linear {
 public:
  /// weight: [outputs, inputs], bias: [outputs] (twice as many when gated) or null. They are asked for when the layer first runs; of the
  /// weight only its panels are kept, in `packed`.
  Linear(ReadWeight weight, ReadWeight bias, const LinearOptions& options, unsigned threads, std::shared_ptr<PackedStore> packed);

  /// To be called before a run, with what this returns; by any number of threads.
  std::shared_ptr<const PackedWeights> prepare(const ParallelFor& parallelFor);
  /// The work is cut into pieces, which may run side by side.
  std::int64_t pieces(const LinearArguments& arguments) const;
  void run(const PackedWeights& packed, const LinearArguments& arguments, std::int64_t piece) const;

  const LinearOptions& options() const { return options_; }

 private:
  struct Block;
  struct Cut;
  Cut cut(const LinearArguments& arguments) const;
  template <class Weight>
  void runBlock(const Weight* weights, std::int64_t panelSize, const LinearArguments& arguments, const Block& block) const;
  template <int count>
  void finishRows(const LinearArguments& arguments, std::int64_t row, std::int64_t panel, const Sums<count>& sums) const;
  PackedWeights pack(const ParallelFor& parallelFor) const;

  ReadWeight readWeight_, readBias_;
  LinearOptions options_;
  unsigned threads_;
  std::shared_ptr<PackedStore> packed_;
  PackedStore::Key key_;
  std::once_flag once_;
  HostVector<float> bias_;
};

struct LinearCall {
  Linear* layer = nullptr;
  LinearArguments arguments;
};

/// Runs layers side by side.
void run(std::span<const LinearCall> calls, const ParallelFor& parallelFor);

}  // namespace latino::layers
