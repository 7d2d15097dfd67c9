// softmax(q k^T / sqrt(size)) v, head by head, for some keys at a time: no matrix of all queries by all keys is ever held (Dao et al.,
// "FlashAttention", NeurIPS 2022; the running softmax is that of Milakov and Gimelshein, arXiv 1805.02867).
#pragma once

#include <cstdint>

#include "inference/layers/parallel.h"

namespace latino::layers {

struct AttentionArguments {
  const float* query = nullptr;  // [n, queries, heads * size]
  const float* key = nullptr;    // [n, keys, heads * size]
  const float* value = nullptr;  // [n, keys, heads * size]
  float* y = nullptr;            // [n, queries, heads * size]
  std::int64_t n = 0, queries = 0, keys = 0, heads = 0, size = 0;
  bool isCausal = false;  // a query sees the keys up to its own place
};

void attention(const AttentionArguments& arguments, const ParallelFor& parallelFor);

}  // namespace latino::layers
