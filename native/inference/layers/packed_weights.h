// Weights in the order in which matrix products read them: by panel of sixteen outputs, term, output. They stay in half precision where
// the file has them so: products of few rows wait for their weights, and half as many bytes are read in half the time.
#pragma once

#include <cstdint>
#include <functional>
#include <variant>
#include <vector>

#include "inference/layers/aligned.h"
#include "inference/layers/gemm.h"
#include "tensor/cancellation.h"

namespace latino::layers {

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
    std::visit(
        [&](const auto& from) {
          auto& to = allocate<typename std::decay_t<decltype(from)>::value_type>(outputs);
          for (std::int64_t panel = 0; panel < ceilDivide(outputs, kPanel); ++panel) {
            throwIfCancelled();
            for (std::int64_t t = 0; t < terms; ++t)
              for (std::int64_t o = panel * kPanel; o < std::min(outputs, (panel + 1) * kPanel); ++o)
                if (const std::int64_t index = indexOf(o, t); index >= 0) to[place(o, t)] = from[static_cast<std::size_t>(index)];
          }
        },
        values);
  }

  /// Of floats, which compute(set) gives one by one by set(output, term, value); those that it does not give are zero.
  template <class Compute>
  PackedWeights(std::int64_t outputs, std::int64_t terms, const Compute& compute) : terms_(terms) {
    auto& to = allocate<float>(outputs);
    compute([&](std::int64_t output, std::int64_t term, float value) { to[place(output, term)] = value; });
  }

  /// Calls task(pointer to the first weight), a const float* or a const Half*.
  template <class Task>
  void visit(const Task& task) const {
    std::visit([&](const auto& values) { task(values.data()); }, values_);
  }
  std::int64_t panelSize() const { return terms_ * kPanel; }
  std::size_t bytes() const {
    return std::visit([](const auto& values) { return values.size() * sizeof(values[0]); }, values_);
  }

 private:
  template <class Value>
  AlignedVector<Value>& allocate(std::int64_t outputs) {
    return values_.emplace<AlignedVector<Value>>(static_cast<std::size_t>(ceilDivide(outputs, kPanel) * panelSize()));
  }
  std::size_t place(std::int64_t output, std::int64_t term) const {
    return static_cast<std::size_t>(output / kPanel * panelSize() + term * kPanel + output % kPanel);
  }

  std::int64_t terms_;
  std::variant<AlignedVector<float>, AlignedVector<Half>> values_;
};

}  // namespace latino::layers
