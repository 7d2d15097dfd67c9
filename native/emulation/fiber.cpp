#include "emulation/fiber.h"

#include <cstdint>
#include <cstdlib>
#include <utility>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace latino::emulation {

namespace {

constexpr std::size_t kStackBytes = std::size_t{64} << 10;

// The address sanitizer wants to know of every change of stacks.
void beginSwitch([[maybe_unused]] void** fake, [[maybe_unused]] const void* stack, [[maybe_unused]] std::size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(fake, stack, bytes);
#endif
}
void endSwitch([[maybe_unused]] void* fake, [[maybe_unused]] const void** stack, [[maybe_unused]] std::size_t* bytes) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake, stack, bytes);
#endif
}

/// A function of its own, as the compiler asks. It leaves no frame for good, which the sanitizer would take it to do.
[[gnu::noinline, gnu::no_sanitize("address")]] void jump(void** place) { __builtin_longjmp(place, 1); }

}  // namespace

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)), stack_(std::make_unique<std::byte[]>(kStackBytes)) {
  getcontext(&beginning_);
  beginning_.uc_stack.ss_sp = stack_.get();
  beginning_.uc_stack.ss_size = kStackBytes;
  beginning_.uc_link = nullptr;
  // It passes integers only.
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&beginning_, reinterpret_cast<void (*)()>(&Fiber::enter), 2, static_cast<unsigned>(self), static_cast<unsigned>(self >> 32));
}

void Fiber::enter(unsigned low, unsigned high) {
  auto* self = reinterpret_cast<Fiber*>(std::uintptr_t{low} | std::uintptr_t{high} << 32);
  endSwitch(nullptr, &self->callerStack_, &self->callerBytes_);
  self->body_();
  std::abort();
}

[[gnu::no_sanitize("address")]] void Fiber::resume() {
  void* fake = nullptr;
  beginSwitch(&fake, stack_.get(), kStackBytes);
  if (__builtin_setjmp(caller_) == 0) {
    if (isBegun_) jump(own_);
    isBegun_ = true;
    setcontext(&beginning_);
  }
  endSwitch(fake, nullptr, nullptr);
}

[[gnu::no_sanitize("address")]] void Fiber::pause() {
  void* fake = nullptr;
  beginSwitch(&fake, callerStack_, callerBytes_);
  if (__builtin_setjmp(own_) == 0) jump(caller_);
  endSwitch(fake, &callerStack_, &callerBytes_);
}

}  // namespace latino::emulation
