// Splits a loop over threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace latino {

class Cancellation;

class ThreadPool {
 public:
  /// 0: every core that the process may use. Has fewer where the system has no more threads: what it computes is the same.
  explicit ThreadPool(unsigned threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  unsigned size() const { return static_cast<unsigned>(workers_.size()) + 1; }
  /// Calls body(begin, end) on pieces of [0, n) that are at least `grain` long; returns when all are done and
  /// rethrows what a piece threw. Between pieces it looks whether the running task was cancelled. Called by one thread at a time (the
  /// queue's). The pieces depend on n and grain only, never on the number of threads.
  void parallelFor(std::int64_t n, std::int64_t grain, const std::function<void(std::int64_t, std::int64_t)>& body);

 private:
  void work();
  void runPieces(std::unique_lock<std::mutex>& lock);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(std::int64_t, std::int64_t)>* body_ = nullptr;
  const Cancellation* cancellation_ = nullptr;  // that of the task whose loop it is
  std::int64_t n_ = 0, grain_ = 1, next_ = 0;
  unsigned busy_ = 0;
  std::exception_ptr error_;  // the first that a piece threw
  bool stopping_ = false;
};

}  // namespace latino
