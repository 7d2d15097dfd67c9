// The threads among which a session of ONNX Runtime shares its work.
#pragma once

#include <functional>
#include <future>
#include <thread>
#include <vector>

#include "inference/ort_api.h"

namespace latino {

/// Threads that are started before ONNX Runtime asks for them: where it starts some itself and cannot have them all, it waits for ever for
/// those that it has. Outlives the session.
class SessionThreads {
 public:
  /// `wanted`: with the one that runs the session. There are fewer where the system has no more.
  explicit SessionThreads(unsigned wanted);
  ~SessionThreads();
  SessionThreads(const SessionThreads&) = delete;
  SessionThreads& operator=(const SessionThreads&) = delete;

  unsigned count() const { return static_cast<unsigned>(waiting_.size()) + 1; }
  /// To be called once, before the session is made.
  void configure(ort::SessionOptions* settings);

 private:
  struct Waiting {
    std::promise<std::function<void()>> work;
    std::thread thread;
  };

  std::vector<Waiting> waiting_;
  std::size_t next_ = 0;  // that has no work yet
};

}  // namespace latino
