// Weights in the order in which matrix products read them: by panel of sixteen outputs, term, output. They stay in half precision where
// the file has them so: products of few rows wait for their weights, and half as many bytes are read in half the time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <variant>

#include "inference/layers/gemm.h"
#include "inference/layers/parallel.h"
#include "tensor/host_vector.h"

namespace latino::layers {

/// The values of a weight as they lie in its file.
using WeightValues = std::variant<HostVector<float>, HostVector<Half>>;
using ReadWeight = std::function<WeightValues()>;

inline HostVector<float> widened(const WeightValues& values) {
  if (const auto* floats = std::get_if<HostVector<float>>(&values)) return *floats;
  const auto& halves = std::get<HostVector<Half>>(values);
  HostVector<float> floats(halves.size());
  for (std::size_t i = 0; i < halves.size(); ++i) floats[i] = latino::widen(halves[i]);
  return floats;
}

class PackedWeights {
 public:
  /// Terms in `runs` of `count`. `indexOf(output, run, term of it)`: where the value lies, or -1 for zero. Outputs beyond the last are zero
  /// too.
  template <class IndexOf>
  PackedWeights(const WeightValues& values, std::int64_t outputs, std::int64_t runs, std::int64_t count, const ParallelFor& parallelFor,
                const IndexOf& indexOf)
      : terms_(runs * count) {
    std::visit(
        [&](const auto& from) {
          auto& to = allocate<typename std::decay_t<decltype(from)>::value_type>(outputs);
          forPanels(outputs, parallelFor, [&](std::int64_t first, std::int64_t last) {
            // As they lie in a file: the taps of a filter side by side.
            for (std::int64_t t = 0; t < count; ++t)
              for (std::int64_t run = 0; run < runs; ++run)
                for (std::int64_t o = first; o < last; ++o)
                  if (const std::int64_t index = indexOf(o, run, t); index >= 0)
                    to[place(o, run * count + t)] = from[static_cast<std::size_t>(index)];
          });
        },
        values);
  }

  /// Of floats, which compute(output, set) gives one by one by set(term, value); those that it does not give are zero.
  template <class Compute>
  PackedWeights(std::int64_t outputs, std::int64_t terms, const ParallelFor& parallelFor, const Compute& compute) : terms_(terms) {
    auto& to = allocate<float>(outputs);
    forPanels(outputs, parallelFor, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t o = first; o < last; ++o) compute(o, [&, o](std::int64_t term, float value) { to[place(o, term)] = value; });
    });
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
  /// Calls task(first output, last output) for each panel.
  template <class Task>
  static void forPanels(std::int64_t outputs, const ParallelFor& parallelFor, const Task& task) {
    parallelFor(static_cast<std::size_t>(ceilDivide(outputs, kPanel)), [&](std::size_t panel) {
      const std::int64_t first = static_cast<std::int64_t>(panel) * kPanel;
      task(first, std::min(outputs, first + kPanel));
    });
  }
  template <class Value>
  HostVector<Value>& allocate(std::int64_t outputs) {
    return values_.emplace<HostVector<Value>>(static_cast<std::size_t>(ceilDivide(outputs, kPanel) * panelSize()));
  }
  std::size_t place(std::int64_t output, std::int64_t term) const {
    return static_cast<std::size_t>(output / kPanel * panelSize() + term * kPanel + output % kPanel);
  }

  std::int64_t terms_;
  std::variant<HostVector<float>, HostVector<Half>> values_;
};

}  // namespace latino::layers
