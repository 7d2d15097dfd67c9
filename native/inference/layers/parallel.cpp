#include "inference/layers/parallel.h"

#include <atomic>
#include <exception>
#include <utility>

namespace latino::layers {

ParallelFor rethrowing(ParallelFor loop, std::shared_ptr<Cancellation> cancellation) {
  return [loop = std::move(loop), cancellation = std::move(cancellation)](std::size_t count, const std::function<void(std::size_t)>& task) {
    std::atomic<bool> hasFailed{false};
    std::exception_ptr first;  // written by the task that sets hasFailed, read when all are done
    loop(count, [&](std::size_t index) {
      if (hasFailed.load(std::memory_order_relaxed)) return;
      try {
        if (cancellation) cancellation->check();
        task(index);
      } catch (...) {
        if (!hasFailed.exchange(true)) first = std::current_exception();
      }
    });
    if (first) std::rethrow_exception(first);
  };
}

}  // namespace latino::layers
