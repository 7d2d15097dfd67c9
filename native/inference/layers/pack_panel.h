// A panel of a weight: sixteen outputs side by side, term by term, in the order in which matrix products read them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "inference/layers/gemm.h"
#include "inference/layers/weight_values.h"

namespace latino::layers {

/// Of a weight [outputs, inputs, taps] as its file has it. Transposed it is [inputs, outputs, taps], its taps in reverse order. Gated it
/// has twice as many outputs, values before gates: eight values and their eight gates share a panel.
struct WeightLayout {
  std::int64_t outputs = 0, inputs = 0, taps = 1;
  bool isTransposed = false, isGated = false;

  std::int64_t terms() const { return taps * inputs; }
  std::int64_t panels() const { return ceilDivide(outputs, isGated ? kLanes : kPanel); }
  std::int64_t panelSize() const { return terms() * kPanel; }
};

/// Outputs of a weight that lie side by side in a panel: at most eight.
struct Outputs {
  std::int64_t first, count;
};

inline Outputs outputsOf(const WeightLayout& layout, std::int64_t panel, int half) {
  const std::int64_t output = layout.isGated ? panel * kLanes : panel * kPanel + half * kLanes;
  const std::int64_t count = std::clamp<std::int64_t>(layout.outputs - output, 0, kLanes);
  return {layout.isGated ? half * layout.outputs + output : output, count};
}

/// rows: [8, inputs, taps]; to: [taps, inputs, 16], of which eight are written.
template <class Value>
void packRows(const Value* rows, const WeightLayout& layout, Value* to) {
  const std::int64_t terms = layout.terms();
  std::int64_t input = 0, tap = 0;
  const auto next = [&] {
    Value* at = to + (tap * layout.inputs + input) * kPanel;
    if (++tap == layout.taps) {
      tap = 0;
      ++input;
    }
    return at;
  };
  std::int64_t term = 0;
  for (; term + kLanes <= terms; term += kLanes) {
    decltype(load(rows)) block[kLanes];
#pragma GCC unroll 8
    for (int i = 0; i < kLanes; ++i) block[i] = load(rows + i * terms + term);
    transpose(block);
#pragma GCC unroll 8
    for (int i = 0; i < kLanes; ++i) store(next(), block[i]);
  }
  for (; term < terms; ++term) {
    Value* at = next();
    for (int i = 0; i < kLanes; ++i) at[i] = rows[i * terms + term];
  }
}

/// As packRows, of as many values as there are outputs; the others are zero. value(output, input, tap) says what they are.
template <class Value, class ValueAt>
void packValues(std::int64_t count, const WeightLayout& layout, const ValueAt& value, Value* to) {
  for (std::int64_t tap = 0; tap < layout.taps; ++tap)
    for (std::int64_t input = 0; input < layout.inputs; ++input, to += kPanel) {
      for (std::int64_t i = 0; i < count; ++i) to[i] = value(i, input, tap);
      std::fill(to + count, to + kLanes, Value{});
    }
}

/// Reads a panel and packs it; to: [taps, inputs, 16]. Values of a transposed weight must be in memory.
template <class Values>
void packPanel(const Values& values, const WeightLayout& layout, std::int64_t panel, ValueOf<Values>* to) {
  using Value = ValueOf<Values>;
  thread_local UnsetHostVector<Value> room;
  const std::int64_t terms = layout.terms(), inputs = layout.inputs, taps = layout.taps, width = layout.outputs * (layout.isGated ? 2 : 1);
  for (int half = 0; half < 2; ++half, to += kLanes) {
    const auto [first, count] = outputsOf(layout, panel, half);
    if (layout.isTransposed) {
      const Value* all = valuesAt(values, 0, inputs * width * taps, room) + first * taps + taps - 1;
      packValues(
          count, layout, [&](auto i, auto input, auto tap) { return all[(input * width + i) * taps - tap]; }, to);
      continue;
    }
    const Value* rows = valuesAt(values, first * terms, count * terms, room);
    if (count == kLanes)
      packRows(rows, layout, to);
    else
      packValues(
          count, layout, [&](auto i, auto input, auto tap) { return rows[i * terms + input * taps + tap]; }, to);
  }
}

}  // namespace latino::layers
