// The values of a weight as a layer gets them: in memory, or in their file, from which they are read a panel at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>
#include <variant>

#include "inference/layers/vector8.h"
#include "inference/weights.h"
#include "tensor/host_vector.h"

namespace latino::layers {

using WeightValues = std::variant<HostVector<float>, HostVector<Half>, StoredValues<float>, StoredValues<Half>>;
using ReadWeight = std::function<WeightValues()>;

/// `count` values from `first` on: where they are, or read into `room`.
template <class Value>
const Value* valuesAt(const HostVector<Value>& values, std::int64_t first, std::int64_t /*count*/, UnsetHostVector<Value>& /*room*/) {
  return values.data() + first;
}
template <class Value>
const Value* valuesAt(const StoredValues<Value>& values, std::int64_t first, std::int64_t count, UnsetHostVector<Value>& room) {
  if (static_cast<std::int64_t>(room.size()) < count) room.resize(static_cast<std::size_t>(count));
  values.read(static_cast<std::size_t>(first), static_cast<std::size_t>(count), room.data());
  return room.data();
}

/// To be called when all that is wanted has been read. Throws ModelError where the file has changed meanwhile.
template <class Value>
void finishReading(const HostVector<Value>& /*values*/) {}
template <class Value>
void finishReading(const StoredValues<Value>& values) {
  values.finish();
}

template <class Values>
using ValueOf = typename std::decay_t<Values>::value_type;

/// All of them in memory.
inline WeightValues inMemory(WeightValues values) {
  return std::visit(
      []<class Values>(Values& from) -> WeightValues {
        using Value = ValueOf<Values>;
        if constexpr (std::is_same_v<Values, StoredValues<Value>>) {
          HostVector<Value> all(from.size());
          from.read(0, all.size(), all.data());
          from.finish();
          return all;
        } else {
          return std::move(from);
        }
      },
      values);
}

inline HostVector<float> widened(WeightValues values) {
  WeightValues all = inMemory(std::move(values));
  if (auto* floats = std::get_if<HostVector<float>>(&all)) return std::move(*floats);
  const auto& halves = std::get<HostVector<Half>>(all);
  HostVector<float> floats(halves.size());
  for (std::size_t i = 0; i < halves.size(); ++i) floats[i] = latino::widen(halves[i]);
  return floats;
}

}  // namespace latino::layers
