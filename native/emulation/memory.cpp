#include "emulation/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "emulation/fault.h"

namespace latino::emulation {

namespace {

constexpr std::size_t kPage = 4096, kAlignment = 256, kAddresses = std::size_t{1} << 42;

std::size_t roundUp(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }
std::size_t pagesOf(std::size_t bytes) { return roundUp(std::max<std::size_t>(bytes, 1), kPage); }
char* firstPageOf(const char* block) { return reinterpret_cast<char*>(reinterpret_cast<std::uintptr_t>(block) / kPage * kPage); }

volatile bool isWorking = false;

void onFault(int, siginfo_t* info, void*) {
  if (!DeviceMemory::owns(info->si_addr)) {
    signal(SIGSEGV, SIG_DFL);  // none of ours: the instruction is tried again
    return;
  }
  broken(isWorking ? "a kernel touched memory that is not there" : "the host touched memory of the device");
}

/// Addresses of all GPUs, one after the other; nothing is behind them until a block begins.
struct Addresses {
  char* first;
  char* next;

  Addresses() {
    void* reserved = mmap(nullptr, kAddresses, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED) broken("no addresses for the memory of the device");
    first = next = static_cast<char*>(reserved);
    struct sigaction action = {};
    action.sa_sigaction = onFault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
  }
};

Addresses& addresses() {
  static Addresses all;
  return all;
}

}  // namespace

void* DeviceMemory::reserve(std::size_t bytes) {
  Addresses& all = addresses();
  const std::size_t pages = pagesOf(bytes);
  if (all.next + pages + 2 * kPage > all.first + kAddresses) broken("all addresses of the device are used up");
  // The end of the block is, but for its alignment, the end of a page.
  char* block = all.next + kPage + (pages - roundUp(std::max<std::size_t>(bytes, 1), kAlignment));
  all.next += pages + kPage;
  reserved_[block] = bytes;
  return block;
}

std::size_t DeviceMemory::release(void* block) {
  const auto found = reserved_.find(static_cast<char*>(block));
  if (found == reserved_.end()) broken("memory was freed that is not there");
  const std::size_t bytes = found->second;
  reserved_.erase(found);
  return bytes;
}

void DeviceMemory::begin(void* block, std::size_t bytes) {
  char* first = static_cast<char*>(block);
  char* page = firstPageOf(first);
  mprotect(page, pagesOf(bytes), PROT_READ | PROT_WRITE);
  std::memset(page, kNotANumber, pagesOf(bytes));
  if (!isAccessible_) mprotect(page, pagesOf(bytes), PROT_NONE);
  blocks_[first] = bytes;
}

void DeviceMemory::end(void* block) {
  char* first = static_cast<char*>(block);
  const auto found = blocks_.find(first);
  if (found == blocks_.end()) broken("memory was freed before it was there");
  checkMargins(first, found->second);
  const std::size_t pages = pagesOf(found->second);
  madvise(firstPageOf(first), pages, MADV_DONTNEED);
  mprotect(firstPageOf(first), pages, PROT_NONE);
  blocks_.erase(found);
}

/// Between a block and the ends of its pages is room for what a kernel should not have written.
void DeviceMemory::checkMargins(char* block, std::size_t bytes) const {
  const char *first = firstPageOf(block), *end = first + pagesOf(bytes);
  const auto isWritten = [](char byte) { return byte != static_cast<char>(kNotANumber); };
  if (std::any_of(first, static_cast<const char*>(block), isWritten) ||
      std::any_of(static_cast<const char*>(block) + bytes, end, isWritten))
    broken("a kernel wrote outside of a block of " + std::to_string(bytes) + " bytes");
}

void DeviceMemory::setAccessible(bool isAccessible) {
  for (const auto& [first, bytes] : blocks_) {
    if (!isAccessible) checkMargins(first, bytes);
    mprotect(firstPageOf(first), pagesOf(bytes), isAccessible ? PROT_READ | PROT_WRITE : PROT_NONE);
  }
  isAccessible_ = isAccessible;
  isWorking = isAccessible;
}

void DeviceMemory::requireRange(const void* first, std::size_t bytes, const char* what) const {
  const char* from = static_cast<const char*>(first);
  auto found = blocks_.upper_bound(const_cast<char*>(from));
  if (found != blocks_.begin()) {
    --found;
    if (from + bytes <= found->first + found->second) return;
  }
  broken(std::string(what) + " is not within a block of the device");
}

bool DeviceMemory::owns(const void* address) {
  const Addresses& all = addresses();
  return address >= all.first && address < all.first + kAddresses;
}

void* PinnedMemory::take(std::size_t bytes) {
  char* block = static_cast<char*>(std::malloc(std::max<std::size_t>(bytes, 1)));
  if (block == nullptr) return nullptr;
  std::memset(block, kNotANumber, bytes);
  blocks_[block] = {bytes};
  return block;
}

void PinnedMemory::give(void* block) {
  const auto found = blocks_.find(static_cast<char*>(block));
  if (found == blocks_.end()) broken("pinned memory was freed that is not there");
  if (found->second.copies > 0) broken("pinned memory was freed before a copy that uses it");
  blocks_.erase(found);
  std::free(block);
}

std::map<char*, PinnedMemory::Block>::iterator PinnedMemory::find(const void* first) {
  auto found = blocks_.upper_bound(static_cast<char*>(const_cast<void*>(first)));
  if (found == blocks_.begin()) return blocks_.end();
  --found;
  return first < found->first + std::max<std::size_t>(found->second.bytes, 1) ? found : blocks_.end();
}

void PinnedMemory::beginCopy(const void* first, std::size_t bytes) {
  const auto found = find(first);
  if (found == blocks_.end() || static_cast<const char*>(first) + bytes > found->first + found->second.bytes)
    broken("a copy from or to memory of the host that is not pinned, for which the caller would wait");
  ++found->second.copies;
}

void PinnedMemory::endCopy(const void* first) { --find(first)->second.copies; }

}  // namespace latino::emulation
