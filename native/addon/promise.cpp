#include <mutex>

#include "addon/wraps.h"

namespace latino::addon {

namespace {

/// Whether the environment still takes calls. Node frees a thread-safe function at the end of a worker even while others hold it.
struct Gate {
  std::mutex mutex;
  bool open = true;
};

void close(void* held) {
  const std::unique_ptr<std::shared_ptr<Gate>> gate(static_cast<std::shared_ptr<Gate>*>(held));
  const std::lock_guard lock((*gate)->mutex);
  (*gate)->open = false;
}

}  // namespace

Napi::Promise settle(Napi::Env env, Device& device, std::function<void()> work, std::function<Napi::Value(Napi::Env)> result) {
  const auto deferred = std::make_shared<Napi::Promise::Deferred>(Napi::Promise::Deferred::New(env));
  // Keeps the process alive until the promise is settled, as a pending file read does.
  auto toJavaScript = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "latino", 0, 1);
  const auto gate = std::make_shared<Gate>();
  // Added after the function's own hook, so it runs before; freed by the callback below, or kept to the end of the environment.
  auto* hook = new std::shared_ptr<Gate>(gate);
  napi_add_env_cleanup_hook(env, close, hook);
  device.queue().enqueue([toJavaScript, deferred, gate, hook, work = std::move(work), result = std::move(result)]() mutable {
    std::exception_ptr error;
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
    const std::lock_guard lock(gate->mutex);
    if (!gate->open) return;
    toJavaScript.NonBlockingCall([deferred, error, hook, result = std::move(result)](Napi::Env callEnv, Napi::Function) {
      napi_remove_env_cleanup_hook(callEnv, close, hook);
      delete hook;
      // A worker that is being terminated runs no JavaScript: then nobody is left to tell.
      try {
        const Napi::HandleScope scope(callEnv);
        try {
          if (error) std::rethrow_exception(error);
          deferred->Resolve(result(callEnv));
        } catch (const Napi::Error& thrown) {
          deferred->Reject(thrown.Value());
        } catch (...) {
          deferred->Reject(makeError(callEnv, std::current_exception()).Value());
        }
      } catch (const Napi::Error&) {
      }
    });
    toJavaScript.Release();
  });
  return deferred->Promise();
}

}  // namespace latino::addon
