#include "inference/layers/packed_store.h"

#include <algorithm>

namespace latino::layers {

PackedStore::Key PackedStore::newKey() {
  const std::lock_guard lock(mutex_);
  entries_.emplace_back();
  return entries_.size() - 1;
}

std::shared_ptr<const PackedWeights> PackedStore::get(Key key, const std::function<PackedWeights()>& pack) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[key];
  if (!entry.weights) entry.weights = std::make_shared<const PackedWeights>(pack());
  entry.lastUse = ++uses_;
  return entry.weights;
}

std::size_t PackedStore::bytes() const {
  std::size_t sum = 0;
  for (const Entry& entry : entries_) sum += entry.weights ? entry.weights->bytes() : 0;
  return sum;
}

std::size_t PackedStore::keptBytes() const {
  const std::lock_guard lock(mutex_);
  return bytes();
}

void PackedStore::trim() noexcept {
  const std::lock_guard lock(mutex_);
  std::size_t kept = bytes();
  while (kept > budget_) {
    Entry* oldest = nullptr;
    for (Entry& entry : entries_)
      if (entry.weights && (oldest == nullptr || entry.lastUse < oldest->lastUse)) oldest = &entry;
    kept -= oldest->weights->bytes();
    oldest->weights.reset();
  }
}

}  // namespace latino::layers
