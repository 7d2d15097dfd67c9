// Weights in the order in which matrix products read them: by panel of sixteen outputs, term, output. They stay in half precision where
// the file has them so: products of few rows wait for their weights, and half as many bytes are read in half the time.
#pragma once

#include <cstdint>
#include <functional>
#include <variant>
#include <vector>

#include "inference/cpu/gemm.h"

namespace latino::cpu {

/// The values of a weight as they lie in its file.
using WeightValues = std::variant<std::vector<float>, std::vector<Half>>;
using ReadWeight = std::function<WeightValues()>;

inline std::vector<float> widened(const WeightValues& values) {
  if (const auto* floats = std::get_if<std::vector<float>>(&values)) return *floats;
  const auto& halves = std::get<std::vector<Half>>(values);
  std::vector<float> floats(halves.size());
  for (std::size_t i = 0; i < halves.size(); ++i) floats[i] = latino::widen(halves[i]);
  return floats;
}

class PackedWeights {
 public:
  /// `indexOf(output, term)`: where the value lies, or -1 for zero. Outputs beyond the last are zero too.
  template <class IndexOf>
  PackedWeights(const WeightValues& values, std::int64_t outputs, std::int64_t terms, const IndexOf& indexOf) : terms_(terms) {
    values_ = std::visit([&](const auto& from) -> WeightValues { return pack(from, outputs, indexOf); }, values);
  }

  /// Calls task(pointer to the first weight), a const float* or a const Half*.
  template <class Task>
  void visit(const Task& task) const {
    std::visit([&](const auto& values) { task(values.data()); }, values_);
  }
  std::int64_t panelSize() const { return terms_ * kPanel; }

 private:
  template <class Value, class IndexOf>
  std::vector<Value> pack(const std::vector<Value>& from, std::int64_t outputs, const IndexOf& indexOf) const {
    const std::int64_t panels = ceilDivide(outputs, kPanel);
    std::vector<Value> packed(static_cast<std::size_t>(panels * panelSize()));
    auto to = packed.begin();
    for (std::int64_t panel = 0; panel < panels; ++panel)
      for (std::int64_t t = 0; t < terms_; ++t)
        for (std::int64_t o = panel * kPanel; o < (panel + 1) * kPanel; ++o, ++to)
          if (const std::int64_t index = o < outputs ? indexOf(o, t) : -1; index >= 0) *to = from[static_cast<std::size_t>(index)];
    return packed;
  }

  std::int64_t terms_;
  WeightValues values_;
};

}  // namespace latino::cpu
