#include "emulation/fault.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>

namespace latino::emulation {

namespace {
std::array<std::atomic<std::uint64_t>, 4> countdown;
}

void broken(const std::string& what) {
  const std::string line = "emulated device: " + what + "\n";
  // Also called by a signal's handler.
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) _exit(kBroken + 1);
  _exit(kBroken);
}

void failNth(Call call, std::uint64_t n) { countdown[static_cast<std::size_t>(call)] = n; }

bool failsNow(Call call) {
  std::atomic<std::uint64_t>& left = countdown[static_cast<std::size_t>(call)];
  std::uint64_t seen = left;
  while (seen > 0) {
    if (left.compare_exchange_weak(seen, seen - 1)) return seen == 1;
  }
  return false;
}

}  // namespace latino::emulation
