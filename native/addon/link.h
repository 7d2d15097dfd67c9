// What work on another thread holds of the JavaScript that asked for it.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>

namespace latino::addon {

/// Keeps a JavaScript value, and the process, alive while work goes on elsewhere, and takes it back to JavaScript's thread. Ends with its
/// last holder at the latest. Opened on JavaScript's thread; the rest may be called from any.
class Link {
 public:
  static std::shared_ptr<Link> open(Napi::Env env, const Napi::Value& kept);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Runs `use`, which may touch the memory of the array that is kept: the end of the environment, a worker's for example, waits for it.
  /// Nothing runs where that has come before, and false is returned.
  bool whileAlive(const std::function<void()>& use);
  /// Calls `visit` with the kept value on JavaScript's thread, unless its environment ends before. At most once.
  void visit(std::function<void(Napi::Env, Napi::Value)> visit);

 private:
  /// Whether the environment still takes calls. Node frees a thread-safe function at the end of a worker even while others hold it.
  struct Gate {
    std::mutex mutex;
    bool open = false;
  };
  static void close(void* held);

  Link() = default;

  Napi::ThreadSafeFunction toJavaScript_;
  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
};

}  // namespace latino::addon
