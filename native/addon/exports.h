// How functions of the addon are made.
#pragma once

#include <napi.h>

#include "addon/convert.h"

namespace latino::addon {

/// A function that returns what `body` makes of its arguments; exceptions become JavaScript errors.
template <class Body>
void add(Napi::Env env, Napi::Object& exports, const char* name, Body body) {
  exports.Set(name, Napi::Function::New(env, [body](const Napi::CallbackInfo& info) -> Napi::Value {
                return guarded(info.Env(), [&]() -> Napi::Value { return body(info); });
              }));
}

/// Pixels and metrics (native/image), each a promise.
void addImage(Napi::Env env, Napi::Object& exports);

}  // namespace latino::addon
