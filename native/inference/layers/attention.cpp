#include "inference/layers/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "inference/layers/activation.h"
#include "inference/layers/gemm.h"
#include "inference/layers/thread_scratch.h"

namespace latino::layers {

namespace {

/// Keys whose panels the second-level cache holds, with their values, and queries that share the work of packing them.
constexpr std::int64_t kKeysAtOnce = 16 * kPanel, kQueriesAtOnce = 16 * kGroupRows;

/// Some keys and values of one head, in the panels that the products read.
struct KeyBlock {
  std::int64_t first, count;
  std::int64_t padded = ceilDivide(count, kPanel) * kPanel;
  float* keys;    // [panel of keys, size, 16]
  float* values;  // [panel of size, key, 16]

  KeyBlock(const AttentionArguments& a, std::int64_t offset, std::int64_t firstKey, float* keyMemory, float* valueMemory)
      : first(firstKey), count(std::min(kKeysAtOnce, a.keys - firstKey)), keys(keyMemory), values(valueMemory) {
    const std::int64_t stride = a.heads * a.size;
    for (std::int64_t k = 0; k < padded; k += kLanes)
      for (std::int64_t c = 0; c < a.size; c += kLanes) {
        const std::int64_t channels = std::min<std::int64_t>(kLanes, a.size - c);
        Block8 block = {};
        for (std::int64_t i = 0; i < kLanes && k + i < count; ++i)
          block[i] = loadFirst(a.key + offset + (first + k + i) * stride + c, channels);
        transpose(block);
        for (std::int64_t i = 0; i < channels; ++i) store(keys + k / kPanel * a.size * kPanel + (c + i) * kPanel + k % kPanel, block[i]);
      }
    for (std::int64_t c = 0; c < a.size; c += kLanes)
      for (std::int64_t k = 0; k < padded; ++k) {
        const bool isThere = k < count;
        const std::int64_t channels = std::min<std::int64_t>(kLanes, a.size - c);
        const Vector8 value = isThere ? loadFirst(a.value + offset + (first + k) * stride + c, channels) : Vector8{};
        store(values + (c / kPanel * padded + k) * kPanel + c % kPanel, value);
      }
  }
};

/// What is known of some queries after the keys so far: of the softmax, its largest logit and its sum; the values weighed by it.
struct Progress {
  std::int64_t width;  // of a row of `weighed`, whole panels
  float* weighed;      // [query, width]
  float* largest;      // [query]
  float* sum;          // [query]
};

/// Turns the logits of `count` keys into what they add to the softmax, relative to the largest logit so far.
float addToSoftmax(float* logits, std::int64_t count, std::int64_t padded, float& largest, float& sum) {
  Vector8 top = broadcast(largest);
  for (std::int64_t k = 0; k < padded; k += kLanes) {
    Vector8 values = load(logits + k);
    for (std::int64_t i = std::max<std::int64_t>(0, count - k); i < kLanes; ++i) values[i] = -std::numeric_limits<float>::max();
    store(logits + k, values);
    top = max(top, values);
  }
  float next = largest;
  for (int i = 0; i < kLanes; ++i) next = std::max(next, top[i]);
  Vector8 total = {};
  for (std::int64_t k = 0; k < padded; k += kLanes) {
    const Vector8 weights = exponential(load(logits + k) - next);
    store(logits + k, weights);
    total += weights;
  }
  for (std::int64_t k = count; k < padded; ++k) logits[k] = 0;
  const float correction = exponential(broadcast(largest - next))[0];
  sum = sum * correction + sumOfLanes(total);
  largest = next;
  return correction;
}

/// Queries `first` ... of a group, of one head that begins at `query`.
template <int rows>
void attend(const AttentionArguments& a, const KeyBlock& block, const float* query, std::int64_t first, std::int64_t group,
            const Progress& progress) {
  float logits[rows][kKeysAtOnce];
  std::array<const float*, rows> from;
  for (int r = 0; r < rows; ++r) from[r] = query + (first + group + r) * a.heads * a.size;
  const float scale = 1 / std::sqrt(static_cast<float>(a.size));
  for (std::int64_t k = 0; k < block.padded; k += kPanel) {
    Sums<rows> sums = {};
    multiplyAdd<rows, float, 2>(from, {.count = a.size}, block.keys + k * a.size, sums);
    for (int r = 0; r < rows; ++r) {
      store(logits[r] + k, scale * sums[r][0]);
      store(logits[r] + k + kLanes, scale * sums[r][1]);
    }
  }
  float corrections[rows];
  for (int r = 0; r < rows; ++r) {
    const std::int64_t seen = a.isCausal ? first + group + r + 1 - block.first : block.count, row = group + r;
    corrections[r] =
        addToSoftmax(logits[r], std::clamp<std::int64_t>(seen, 0, block.count), block.padded, progress.largest[row], progress.sum[row]);
    from[r] = logits[r];
  }
  for (std::int64_t c = 0; c < progress.width; c += kPanel) {
    float* weighed = progress.weighed + group * progress.width + c;
    Sums<rows> sums;
    for (int r = 0; r < rows; ++r)
      for (int v = 0; v < 2; ++v) sums[r][v] = corrections[r] * load(weighed + r * progress.width + v * kLanes);
    multiplyAdd<rows, float, 2>(from, {.count = block.padded}, block.values + c * block.padded, sums);
    for (int r = 0; r < rows; ++r)
      for (int v = 0; v < 2; ++v) store(weighed + r * progress.width + v * kLanes, sums[r][v]);
  }
}

}  // namespace

void attention(const AttentionArguments& a, const ParallelFor& parallelFor) {
  const std::int64_t blocks = ceilDivide(a.queries, kQueriesAtOnce), width = ceilDivide(a.size, kPanel) * kPanel, stride = a.heads * a.size;
  parallelFor(static_cast<std::size_t>(a.n * a.heads * blocks), [&](std::size_t index) {
    const std::int64_t task = static_cast<std::int64_t>(index), first = task % blocks * kQueriesAtOnce;
    const std::int64_t head = task / blocks % a.heads, n = task / blocks / a.heads;
    const std::int64_t queries = std::min(kQueriesAtOnce, a.queries - first), offset = head * a.size;
    thread_local HostVector<float> keyMemory, valueMemory, weighedMemory;
    float* keys = scratch(keyMemory, kKeysAtOnce * a.size);
    float* values = scratch(valueMemory, kKeysAtOnce * width);
    float largest[kQueriesAtOnce], sum[kQueriesAtOnce] = {};
    std::fill(std::begin(largest), std::end(largest), -std::numeric_limits<float>::max());
    const Progress progress{width, scratch(weighedMemory, queries * width), largest, sum};
    std::fill_n(progress.weighed, queries * width, 0.0F);

    const std::int64_t seen = a.isCausal ? std::min(a.keys, first + queries) : a.keys;
    for (std::int64_t key = 0; key < seen; key += kKeysAtOnce) {
      const KeyBlock block(a, n * a.keys * stride + offset, key, keys, values);
      const float* query = a.query + n * a.queries * stride + offset;
      forRowGroups(queries, [&]<int rows>(std::int64_t group) { attend<rows>(a, block, query, first, group, progress); });
    }
    for (std::int64_t row = 0; row < queries; ++row) {
      float* y = a.y + (n * a.queries + first + row) * stride + offset;
      for (std::int64_t c = 0; c < a.size; c += kLanes)
        storeFirst(y + c, load(progress.weighed + row * width + c) / sum[row], std::min<std::int64_t>(kLanes, a.size - c));
    }
  });
}

}  // namespace latino::layers
