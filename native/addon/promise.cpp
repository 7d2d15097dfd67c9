#include "addon/wraps.h"

namespace latino::addon {

Napi::Promise settle(Napi::Env env, Device& device, std::function<void()> work, std::function<Napi::Value(Napi::Env)> result) {
  const auto deferred = std::make_shared<Napi::Promise::Deferred>(Napi::Promise::Deferred::New(env));
  // Keeps the process alive until the promise is settled, as a pending file read does.
  auto toJavaScript = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "latino", 0, 1);
  device.queue().enqueue([toJavaScript, deferred, work = std::move(work), result = std::move(result)]() mutable {
    std::exception_ptr error;
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
    // What the callback holds is destroyed on the JavaScript thread or, when the environment is gone, right here.
    toJavaScript.BlockingCall([deferred, error, result = std::move(result)](Napi::Env callEnv, Napi::Function) {
      const Napi::HandleScope scope(callEnv);
      try {
        if (error) std::rethrow_exception(error);
        deferred->Resolve(result(callEnv));
      } catch (const Napi::Error& thrown) {
        deferred->Reject(thrown.Value());
      } catch (...) {
        deferred->Reject(makeError(callEnv, std::current_exception()).Value());
      }
    });
    toJavaScript.Release();
  });
  return deferred->Promise();
}

}  // namespace latino::addon
