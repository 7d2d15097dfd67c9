// Memory of the emulated GPUs, which the host cannot touch, and pinned memory of the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace latino::emulation {

/// Each byte of a NaN, of every type.
inline constexpr unsigned char kNotANumber = 0xFF;

/// Device memory. A block is there between two points of a stream's work; it begins as NaN, lies between pages that nobody may touch, and
/// its addresses are never used again. All of it is accessible while work runs, none otherwise.
class DeviceMemory {
 public:
  /// Addresses for a block of so many bytes, aligned to 256.
  void* reserve(std::size_t bytes);
  /// Nobody asks for the block any more, though work may still use it: its size. Ends the process where it is not there.
  std::size_t release(void* block);

  /// Stream work, as all that follows: whoever calls it holds the world's lock.
  void begin(void* block, std::size_t bytes);
  void end(void* block);
  void setAccessible(bool isAccessible);

  /// Ends the process unless all these bytes belong to one block that is there.
  void requireRange(const void* first, std::size_t bytes, const char* what) const;
  /// Whether an address is one of a GPU's, of whatever block.
  static bool owns(const void* address);

 private:
  void checkMargins(char* block, std::size_t bytes) const;

  std::map<char*, std::size_t> reserved_, blocks_;  // bytes
  bool isAccessible_ = false;
};

/// Memory of the host that copies may use without anybody waiting.
class PinnedMemory {
 public:
  void* take(std::size_t bytes);
  /// Ends the process where a copy that has not run yet uses the block.
  void give(void* block);
  /// A copy uses these bytes until it has run. Ends the process unless they are pinned.
  void beginCopy(const void* first, std::size_t bytes);
  void endCopy(const void* first);

 private:
  struct Block {
    std::size_t bytes;
    int copies = 0;
  };
  std::map<char*, Block>::iterator find(const void* first);

  std::map<char*, Block> blocks_;
};

}  // namespace latino::emulation
