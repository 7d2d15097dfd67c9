#include "tensor/cancellation.h"

#include <utility>

#include "tensor/error.h"

namespace latino {

namespace {

std::shared_ptr<Cancellation>& current() {
  static thread_local std::shared_ptr<Cancellation> cancellation;
  return cancellation;
}

}  // namespace

void Cancellation::cancel() noexcept {
  const std::lock_guard lock(mutex_);
  if (isRequested_.exchange(true)) return;
  for (const auto& [owner, interrupt] : interrupts_) interrupt();
}

void Cancellation::check() const {
  if (isRequested()) throw CancelledError("The work was cancelled");
}

Cancellation::Interrupt::Interrupt(std::shared_ptr<Cancellation> cancellation, std::function<void()> interrupt)
    : cancellation_(std::move(cancellation)) {
  if (!cancellation_) return;
  const std::lock_guard lock(cancellation_->mutex_);
  if (cancellation_->isRequested()) interrupt();
  cancellation_->interrupts_[this] = std::move(interrupt);
}

Cancellation::Interrupt::~Interrupt() {
  if (!cancellation_) return;
  const std::lock_guard lock(cancellation_->mutex_);
  cancellation_->interrupts_.erase(this);
}

const std::shared_ptr<Cancellation>& currentCancellation() { return current(); }

CancellationScope::CancellationScope(std::shared_ptr<Cancellation> cancellation)
    : previous_(std::exchange(current(), std::move(cancellation))) {}

CancellationScope::~CancellationScope() { current() = std::move(previous_); }

void throwIfCancelled() {
  if (const auto& cancellation = current()) cancellation->check();
}

}  // namespace latino
