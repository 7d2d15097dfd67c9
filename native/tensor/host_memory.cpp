#include "tensor/host_memory.h"

#include <sys/mman.h>

#include <new>
#include <string>

#include "tensor/error.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace latino {

namespace {

constexpr std::align_val_t kAlignment{64};
/// From here on a block is pages of its own.
constexpr std::size_t kLarge = std::size_t{256} << 10;

void* mapPages(std::size_t bytes) {
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : pages;
}
void unmapPages(void* pages, std::size_t bytes) { munmap(pages, bytes); }

}  // namespace

void* allocateHost(std::size_t bytes) {
  void* pointer = bytes >= kLarge ? mapPages(bytes) : ::operator new(bytes, kAlignment, std::nothrow);
  if (pointer == nullptr) throw DeviceMemoryError("Expected " + std::to_string(bytes) + " bytes of free memory on cpu but there are fewer");
  return pointer;
}

void freeHost(void* pointer, std::size_t bytes) noexcept {
  if (bytes >= kLarge)
    unmapPages(pointer, bytes);
  else
    ::operator delete(pointer, kAlignment);
}

void returnFreedHost() noexcept {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace latino
