// Between an image, whose channels are planes, and rows of neighbouring channels, as matrix products want them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "inference/layers/activation.h"
#include "inference/layers/gemm.h"

namespace latino::layers {

/// Where a layer's results go, and what is done to them on the way.
struct ImageWriter {
  std::int64_t outputs = 0, pixels = 0;  // of y
  const float* bias = nullptr;           // [outputs], may be absent
  const float* residual = nullptr;       // like y, may be absent
  float* y = nullptr;                    // [outputs, pixels]
  Activation activation = Activation::none;

  /// Writes `count` pixels of the sixteen channels of a panel. rows: [count, 16]
  void write(const float* rows, std::int64_t panel, std::int64_t firstPixel, std::int64_t count) const {
    for (std::int64_t first = panel * kPanel, half = 0; half < kPanel && first + half < outputs; half += kLanes) {
      const std::int64_t channels = std::min<std::int64_t>(kLanes, outputs - first - half);
      for (std::int64_t p = 0; p < count; p += kLanes) {
        const std::int64_t lanes = std::min<std::int64_t>(kLanes, count - p);
        Block8 block = {};
        for (std::int64_t i = 0; i < lanes; ++i) block[i] = load(rows + (p + i) * kPanel + half);
        transpose(block);
        for (std::int64_t c = 0; c < channels; ++c) {
          const std::int64_t output = first + half + c, at = output * pixels + firstPixel + p;
          Vector8 value = block[c] + (bias == nullptr ? 0 : bias[output]);
          if (residual != nullptr) value += loadFirst(residual + at, lanes);
          storeFirst(y + at, activate(value, activation), lanes);
        }
      }
    }
  }
};

}  // namespace latino::layers
