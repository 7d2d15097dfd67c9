#include "addon/wraps.h"

namespace latino::addon {

Napi::Function CancellationWrap::define(Napi::Env env) {
  return DefineClass(env, "Cancellation", {InstanceMethod<&CancellationWrap::cancel>("cancel")});
}

Napi::Object CancellationWrap::make(Napi::Env env) {
  const Napi::Object object =
      env.GetInstanceData<Classes>()->cancellation.New({Napi::External<void>::New(env, env.GetInstanceData<Classes>())});
  Unwrap(object)->cancellation_ = std::make_shared<Cancellation>();
  return object;
}

std::shared_ptr<Cancellation> CancellationWrap::from(const Napi::Value& value, const char* name) {
  if (value.IsUndefined()) return nullptr;
  if (!is(value)) mismatch(kName, name, value);
  return Unwrap(value.As<Napi::Object>())->cancellation_;
}

void CancellationWrap::cancel(const Napi::CallbackInfo&) { cancellation_->cancel(); }

}  // namespace latino::addon
