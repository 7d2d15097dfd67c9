#include "cpu/thread_pool.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "cpu/available_cores.h"
#include "tensor/cancellation.h"

namespace latino {

ThreadPool::ThreadPool(unsigned threads) {
  const unsigned count = threads == 0 ? availableCores() : threads;
  workers_.reserve(count - 1);
  try {
    for (unsigned i = 1; i < count; ++i) workers_.emplace_back([this] { work(); });
  } catch (const std::exception&) {  // the system has no more: the loops are shared by those that there are
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::parallelFor(std::int64_t n, std::int64_t grain, const std::function<void(std::int64_t, std::int64_t)>& body) {
  if (n <= 0) return;
  if (n <= grain || workers_.empty()) {
    for (std::int64_t begin = 0; begin < n; begin += grain) {
      throwIfCancelled();
      body(begin, std::min(n, begin + grain));
    }
    return;
  }
  std::unique_lock lock(mutex_);
  body_ = &body;
  n_ = n;
  grain_ = grain;
  next_ = 0;
  cancellation_ = currentCancellation().get();  // which the caller's task holds
  wake_.notify_all();
  runPieces(lock);
  done_.wait(lock, [this] { return busy_ == 0; });
  body_ = nullptr;
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void ThreadPool::runPieces(std::unique_lock<std::mutex>& lock) {
  ++busy_;
  while (next_ < n_) {
    const std::int64_t begin = next_, end = std::min(n_, begin + grain_);
    next_ = end;
    const auto* body = body_;
    const Cancellation* cancellation = cancellation_;
    lock.unlock();
    std::exception_ptr error;
    try {
      if (cancellation) cancellation->check();
      (*body)(begin, end);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error) {
      if (!error_) error_ = error;
      next_ = n_;  // the rest is not worth doing
    }
  }
  if (--busy_ == 0) done_.notify_all();
}

void ThreadPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || (body_ != nullptr && next_ < n_); });
    if (stopping_) return;
    runPieces(lock);
  }
}

}  // namespace latino
