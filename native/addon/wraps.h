// The JavaScript classes. They hold handles and nothing else.
#pragma once

#include <napi.h>

#include <memory>

#include "addon/convert.h"
#include "inference/session.h"

namespace latino::addon {

/// Constructors of this instance of the addon: a worker thread has its own.
struct Classes {
  Napi::FunctionReference device, tensor, operation, session;
};

/// Only native code makes these objects: `new device.constructor()` would hold nothing. Throws ArgumentError as a JavaScript error.
void requireNative(const Napi::CallbackInfo& info);

class DeviceWrap : public Napi::ObjectWrap<DeviceWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  static Napi::Object make(Napi::Env env, std::shared_ptr<Device> device);
  static const std::shared_ptr<Device>& from(const Napi::Value& value, const char* name = "device");
  explicit DeviceWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value upload(const Napi::CallbackInfo& info);
  Napi::Value full(const Napi::CallbackInfo& info);
  Napi::Value randn(const Napi::CallbackInfo& info);
  Napi::Value synchronize(const Napi::CallbackInfo& info);
  Napi::Value transfers(const Napi::CallbackInfo& info);
  Napi::Value memory(const Napi::CallbackInfo& info);
  Napi::Value kind(const Napi::CallbackInfo& info);
  Napi::Value index(const Napi::CallbackInfo& info);
  Napi::Value name(const Napi::CallbackInfo& info);

  std::shared_ptr<Device> device_;
};

class TensorWrap : public Napi::ObjectWrap<TensorWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  static Napi::Object make(Napi::Env env, Tensor tensor);
  /// Throws ArgumentError for anything but a tensor, DisposedError for one that is gone.
  static const Tensor& from(const Napi::Value& value, const char* name);
  static bool is(const Napi::Value& value);
  explicit TensorWrap(const Napi::CallbackInfo& info);
  ~TensorWrap() override;

 private:
  const Tensor& live() const;
  void release(Napi::Env env);
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value ready(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info);
  Napi::Value shape(const Napi::CallbackInfo& info);
  Napi::Value dtype(const Napi::CallbackInfo& info);
  Napi::Value disposed(const Napi::CallbackInfo& info);

  Tensor tensor_;
  std::int64_t reported_ = 0;  // bytes that V8 was told of
};

class OperatorWrap : public Napi::ObjectWrap<OperatorWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  static Napi::Object make(Napi::Env env, std::shared_ptr<Operator> operation);
  explicit OperatorWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value measurementShape(const Napi::CallbackInfo& info);
  Napi::Value imageShape(const Napi::CallbackInfo& info);
  Napi::Value forward(const Napi::CallbackInfo& info);
  Napi::Value adjoint(const Napi::CallbackInfo& info);
  Napi::Value residual(const Napi::CallbackInfo& info);
  Napi::Value proxFromResidual(const Napi::CallbackInfo& info);
  Napi::Value prox(const Napi::CallbackInfo& info);
  Napi::Value errorVariance(const Napi::CallbackInfo& info);
  Napi::Value discrepancyGamma(const Napi::CallbackInfo& info);

  std::shared_ptr<Operator> operator_;
};

class SessionWrap : public Napi::ObjectWrap<SessionWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  static Napi::Object make(Napi::Env env, std::shared_ptr<Session> session);
  /// createSession(device, model, options): a promise; the work is done away from the event loop.
  static Napi::Value create(const Napi::CallbackInfo& info);
  explicit SessionWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value run(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info);

  std::shared_ptr<Session> session_;
};

/// A promise that a task of the device's queue settles: `work` runs there, `result` on the JavaScript thread.
Napi::Promise settle(Napi::Env env, Device& device, std::function<void()> work, std::function<Napi::Value(Napi::Env)> result);

}  // namespace latino::addon
