// Weights in the order in which matrix products read them: by panel of sixteen outputs, term, output. They stay in half precision where
// the file has them so: products of few rows wait for their weights, and half as many bytes are read in half the time.
#pragma once

#include <cstdint>
#include <utility>
#include <variant>

#include "inference/layers/pack_panel.h"
#include "inference/layers/parallel.h"

namespace latino::layers {

class PackedWeights {
 public:
  /// Read and packed a panel at a time, each by one thread.
  PackedWeights(WeightValues values, const WeightLayout& layout, const ParallelFor& parallelFor) : panelSize_(layout.panelSize()) {
    forPanels(std::move(values), layout, parallelFor, [&]<class Values>(const Values& from) {
      auto* all = allocate<ValueOf<Values>>(layout.panels());
      return [&, all](std::int64_t panel) { packPanel(from, layout, panel, all + panel * panelSize_); };
    });
  }

  /// Floats that are made of the packed panels: transform(packed, to) writes [terms, 16] of each.
  template <class Transform>
  PackedWeights(WeightValues values, const WeightLayout& layout, std::int64_t terms, const ParallelFor& parallelFor,
                const Transform& transform)
      : panelSize_(terms * kPanel) {
    float* all = allocate<float>(layout.panels());
    forPanels(std::move(values), layout, parallelFor, [&]<class Values>(const Values& from) {
      return [&, all](std::int64_t panel) {
        thread_local UnsetHostVector<ValueOf<Values>> packed;
        packed.resize(static_cast<std::size_t>(layout.panelSize()));
        packPanel(from, layout, panel, packed.data());
        transform(packed.data(), all + panel * panelSize_);
      };
    });
  }

  /// Calls task(pointer to the first weight), a const float* or a const Half*.
  template <class Task>
  void visit(const Task& task) const {
    std::visit([&](const auto& values) { task(values.data()); }, values_);
  }
  std::int64_t panelSize() const { return panelSize_; }
  std::size_t bytes() const {
    return std::visit([](const auto& values) { return values.size() * sizeof(values[0]); }, values_);
  }

 private:
  /// Calls task(panel) of what taskOf(values) returns, for each panel.
  template <class TaskOf>
  static void forPanels(WeightValues values, const WeightLayout& layout, const ParallelFor& parallelFor, const TaskOf& taskOf) {
    // The outputs of a transposed weight are strewn over its file.
    const WeightValues all = layout.isTransposed ? inMemory(std::move(values)) : std::move(values);
    std::visit(
        [&](const auto& from) {
          const auto task = taskOf(from);
          parallelFor(static_cast<std::size_t>(layout.panels()), [&](std::size_t panel) { task(static_cast<std::int64_t>(panel)); });
          finishReading(from);
        },
        all);
  }
  template <class Value>
  Value* allocate(std::int64_t panels) {
    return values_.emplace<UnsetHostVector<Value>>(static_cast<std::size_t>(panels * panelSize_)).data();
  }

  std::int64_t panelSize_;
  std::variant<UnsetHostVector<float>, UnsetHostVector<Half>> values_;
};

}  // namespace latino::layers
