// y = activation(x weight^T + bias + residual) for rows of channels: tokens, or the pixels of an image (a 1 x 1 convolution).
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "inference/cpu/activation.h"
#include "inference/cpu/packed_weights.h"
#include "inference/cpu/parallel.h"

namespace latino::cpu {

/// Of a matrix in memory: [n, rows, channels], or [n, channels, rows] as images lie.
enum class Layout : std::int64_t { tokens = 0, image = 1 };

struct LinearArguments {
  const float* x = nullptr;         // [n, rows, inputs] or [n, inputs, rows]
  const float* bias = nullptr;      // [outputs], twice that when gated; may be absent
  const float* residual = nullptr;  // like y, may be absent; added before the activation
  float* y = nullptr;               // [n, rows, outputs] or [n, outputs, rows]
  std::int64_t n = 1, rows = 0;
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
  /// weight: [outputs, inputs]; asked for at the first run, and not kept: its panels are.
  Linear(ReadWeight weight, const LinearOptions& options, unsigned threads);

  void run(const LinearArguments& arguments, const ParallelFor& parallelFor);

  const LinearOptions& options() const { return options_; }

 private:
  struct Block;
  template <class Weight>
  void runBlock(const Weight* weights, const LinearArguments& arguments, const Block& block) const;
  template <int count>
  void finishRows(const LinearArguments& arguments, std::int64_t row, std::int64_t panel, const Sums<count>& sums) const;
  PackedWeights pack() const;

  ReadWeight weight_;
  LinearOptions options_;
  unsigned threads_;
  std::once_flag once_;
  std::unique_ptr<PackedWeights> packed_;
};

}  // namespace latino::cpu
