// Work that can stop in the middle and go on later, on a stack of its own.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace latino::emulation {

class Fiber {
 public:
  /// `body` calls `pause` to hand control back, and never returns.
  explicit Fiber(std::function<void()> body);
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Runs the body until it pauses.
  void resume();
  /// From the body of this fiber.
  void pause();

 private:
  static void enter(unsigned low, unsigned high);

  std::function<void()> body_;
  std::unique_ptr<std::byte[]> stack_;
  ucontext_t beginning_ = {};
  bool isBegun_ = false;
  // Where either side goes on: jumps, because to change contexts is a call of the operating system each time.
  void *own_[5] = {}, *caller_[5] = {};
  // Of the caller's stack, for the address sanitizer.
  const void* callerStack_ = nullptr;
  std::size_t callerBytes_ = 0;
};

}  // namespace latino::emulation
