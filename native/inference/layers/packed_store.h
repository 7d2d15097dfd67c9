// Keeps packed weights within a budget.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "inference/layers/packed_weights.h"
#include "tensor/memory_source.h"

namespace latino::layers {

/// The packed weights of one session's layers, a convolution's for each of its forms: made when a layer first wants them and kept while the
/// session works. Trimmed, it keeps those that were used last, up to the budget; the others are made anew when they are next wanted.
class PackedStore final : public KeptMemory {
 public:
  using Key = std::size_t;

  /// `budget`: bytes.
  explicit PackedStore(std::size_t budget) : budget_(budget) {}

  Key newKey();
  /// What `pack` made for the key, or makes now. Whoever runs by it holds it. May be called by any number of threads.
  std::shared_ptr<const PackedWeights> get(Key key, const std::function<PackedWeights()>& pack);
  std::size_t keptBytes() const override;
  void trim() noexcept override;

 private:
  struct Entry {
    std::shared_ptr<const PackedWeights> weights;
    std::size_t lastUse = 0;
  };

  std::size_t bytes() const;

  std::size_t budget_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;  // by key
  std::size_t uses_ = 0;
};

}  // namespace latino::layers
