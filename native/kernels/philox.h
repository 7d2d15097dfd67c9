// Philox4x32-10 (Salmon et al. 2011), a counter-based generator: number i does not depend on the numbers before it, so every
// device and any number of threads give the same noise.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/host_device.h"

namespace latino {

struct PhiloxBlock {
  std::uint32_t word[4];
};

LATINO_HOST_DEVICE inline PhiloxBlock philox4x32(PhiloxBlock counter, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * counter.word[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * counter.word[2];
    counter = {{static_cast<std::uint32_t>(product1 >> 32) ^ counter.word[1] ^ key0, static_cast<std::uint32_t>(product1),
                static_cast<std::uint32_t>(product0 >> 32) ^ counter.word[3] ^ key1, static_cast<std::uint32_t>(product0)}};
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return counter;
}

struct NormalBlock {
  float value[4];
};

/// Four standard normal numbers: block number `block` of stream `call` under `seed`.
LATINO_HOST_DEVICE inline NormalBlock normalBlock(std::uint64_t seed, std::uint64_t call, std::uint64_t block) {
  const PhiloxBlock random = philox4x32({{static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                                          static_cast<std::uint32_t>(call), static_cast<std::uint32_t>(call >> 32)}},
                                        static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
  NormalBlock normal{};
  for (int pair = 0; pair < 2; ++pair) {
    // (0, 1]: the logarithm never sees zero.
    const float uniform = (static_cast<float>(random.word[2 * pair] >> 8) + 1.0F) * 0x1p-24F;
    const float angle = static_cast<float>(random.word[2 * pair + 1] >> 8) * (0x1p-24F * 6.2831853071795865F);
    const float radius = sqrtf(-2.0F * logf(uniform));
    normal.value[2 * pair] = radius * cosf(angle);
    normal.value[2 * pair + 1] = radius * sinf(angle);
  }
  return normal;
}

}  // namespace latino
