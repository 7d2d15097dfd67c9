#include "inference/session_threads.h"

#include <exception>
#include <utility>

#include "inference/runtime.h"

namespace latino {

SessionThreads::SessionThreads(unsigned wanted) {
  waiting_.reserve(wanted - 1);
  try {
    for (unsigned i = 1; i < wanted; ++i) {
      std::promise<std::function<void()>> work;
      std::thread thread([task = work.get_future()]() mutable {
        if (const auto run = task.get()) run();
      });
      waiting_.push_back({std::move(work), std::move(thread)});
    }
  } catch (const std::exception&) {  // the system has no more: the session works with those that there are
  }
}

SessionThreads::~SessionThreads() {
  for (; next_ < waiting_.size(); ++next_) waiting_[next_].work.set_value(nullptr);
  for (Waiting& waiting : waiting_)
    if (waiting.thread.joinable()) waiting.thread.join();
}

void SessionThreads::configure(ort::SessionOptions* settings) {
  const ort::StartThread start = [](void* options, ort::ThreadWork work, void* argument) -> ort::Thread* {
    auto* threads = static_cast<SessionThreads*>(options);
    if (threads->next_ == threads->waiting_.size()) return nullptr;
    Waiting& waiting = threads->waiting_[threads->next_++];
    waiting.work.set_value([work, argument] { work(argument); });
    return reinterpret_cast<ort::Thread*>(&waiting);
  };
  const ort::JoinThread join = [](ort::Thread* thread) { reinterpret_cast<Waiting*>(thread)->thread.join(); };
  ort::check<RuntimeError>(ort::setIntraOpThreads(ort::table(), settings, static_cast<int>(count())));
  ort::check<RuntimeError>(ort::setStartThread(ort::table(), settings, start));
  ort::check<RuntimeError>(ort::setThreadOptions(ort::table(), settings, this));
  ort::check<RuntimeError>(ort::setJoinThread(ort::table(), settings, join));
}

}  // namespace latino
