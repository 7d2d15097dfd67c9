// A thread that runs tasks in the order in which they came.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace latino {

class Queue {
 public:
  /// `whenIdle` is called on the queue's thread each time that it has been without a task for a moment; it must not throw. Throws
  /// DeviceError where the thread cannot be started.
  explicit Queue(std::function<void()> whenIdle = nullptr);
  ~Queue();  // runs what is queued, then ends the thread
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// Tasks must not throw. Returns at once.
  void enqueue(std::function<void()> task);
  /// Waits until all that was enqueued before has run (C++ tests; JavaScript uses promises).
  void drain();
  bool onQueueThread() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  /// Outlives the queue when its thread is the one that destroys it.
  struct State {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::function<void()>> tasks;
    std::function<void()> whenIdle;
    bool stopping = false;
  };
  static void run(State& state);

  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace latino
