#include "tensor/queue.h"

#include <chrono>
#include <future>
#include <system_error>
#include <utility>

#include "tensor/error.h"

namespace latino {

namespace {
/// Longer than what lies between two steps of a restoration, and than it takes to hand over the next picture.
constexpr std::chrono::milliseconds kIdleAfter{200};
}  // namespace

Queue::Queue(std::function<void()> whenIdle) : state_(std::make_shared<State>()) {
  state_->whenIdle = std::move(whenIdle);
  try {
    thread_ = std::thread([state = state_] { run(*state); });
  } catch (const std::system_error& error) {
    throw DeviceError(std::string("Expected a thread for the device's work but none can be started (") + error.what() + ")");
  }
}

Queue::~Queue() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_one();
  // The last reference to a device may be dropped by a task of its own queue; a thread cannot wait for itself.
  if (onQueueThread()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void Queue::enqueue(std::function<void()> task) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->tasks.push_back(std::move(task));
  }
  state_->wake.notify_one();
}

void Queue::drain() {
  const auto done = std::make_shared<std::promise<void>>();
  enqueue([done] { done->set_value(); });
  done->get_future().wait();
}

void Queue::run(State& state) {
  const auto isWanted = [&state] { return state.stopping || !state.tasks.empty(); };
  bool hasWorked = false;
  while (true) {
    std::function<void()> task;
    {
      std::unique_lock lock(state.mutex);
      if (hasWorked && state.whenIdle && !state.wake.wait_for(lock, kIdleAfter, isWanted)) {
        lock.unlock();
        state.whenIdle();
        lock.lock();
      }
      state.wake.wait(lock, isWanted);
      if (state.tasks.empty()) return;
      task = std::move(state.tasks.front());
      state.tasks.pop_front();
    }
    hasWorked = true;
    task();
    // `task` and what it holds are gone before the next one is taken: memory is back in the pool by then.
  }
}

}  // namespace latino
