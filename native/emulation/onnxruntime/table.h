// A copy of ONNX Runtime's table of functions, in which some are replaced.
#pragma once

#include <algorithm>
#include <array>

#include "inference/ort_api.h"

namespace latino::emulation {

/// Slots up to the last that the library calls.
inline constexpr std::size_t kSlots = 294;

class ReplacedTable {
 public:
  explicit ReplacedTable(ort::Table* real) { std::copy_n(real, kSlots, slots_.begin()); }

  template <std::size_t slot, class Result, class... Arguments>
  void replace(ort::Function<slot, Result, Arguments...>, Result (*by)(Arguments...)) {
    static_assert(slot < kSlots);
    slots_[slot] = reinterpret_cast<void*>(by);
  }

  ort::Table* get() const { return slots_.data(); }

 private:
  std::array<void*, kSlots> slots_{};
};

}  // namespace latino::emulation
