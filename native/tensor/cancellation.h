// Whether somebody still wants the results of some work.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace latino {

/// Tensors carry it: what is computed from a tensor is cancelled with it. Tasks that have not begun are skipped, the one that runs is
/// interrupted where it looks (between the pieces of a loop, the iterations of a solver, the nodes of a network); what they should have
/// written gets a CancelledError. May be used from any thread.
class Cancellation {
 public:
  void cancel() noexcept;
  bool isRequested() const noexcept { return isRequested_.load(std::memory_order_relaxed); }
  /// Throws CancelledError once `cancel` has been called.
  void check() const;

  /// While it lives, `cancel` also calls `interrupt`, for work that cannot look itself; at once where it has been cancelled before.
  /// `interrupt` must not throw.
  class Interrupt {
   public:
    Interrupt(std::shared_ptr<Cancellation> cancellation, std::function<void()> interrupt);
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

   private:
    std::shared_ptr<Cancellation> cancellation_;
  };

 private:
  std::atomic<bool> isRequested_{false};
  std::mutex mutex_;
  std::map<const Interrupt*, std::function<void()>> interrupts_;  // several sessions are loaded at once
};

/// That of the task that this thread runs; null outside tasks and where nobody can cancel it.
const std::shared_ptr<Cancellation>& currentCancellation();

/// Makes a cancellation the current one of this thread for a scope.
class CancellationScope {
 public:
  explicit CancellationScope(std::shared_ptr<Cancellation> cancellation);
  ~CancellationScope();
  CancellationScope(const CancellationScope&) = delete;
  CancellationScope& operator=(const CancellationScope&) = delete;

 private:
  std::shared_ptr<Cancellation> previous_;
};

/// Throws CancelledError where the running task is no longer wanted: for long work on the host, at every iteration.
void throwIfCancelled();

}  // namespace latino
