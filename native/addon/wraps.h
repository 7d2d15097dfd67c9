// The JavaScript classes. They hold handles and nothing else.
#pragma once

#include <napi.h>

#include <memory>

#include "addon/convert.h"
#include "inference/session.h"

namespace latino::addon {

/// Constructors of this instance of the addon: a worker thread has its own.
struct Classes {
  Napi::FunctionReference device, tensor, operation, session, cancellation;
  Napi::FunctionReference error = {};  // that of JavaScript, LatinoError; empty until setErrorClass
};

/// Only native code makes these objects: `new device.constructor()` would hold nothing. Throws ArgumentError as a JavaScript error;
/// otherwise marks the object with its class's tag.
void adopt(const Napi::CallbackInfo& info, const napi_type_tag& tag);

/// Makes `using` call the class's dispose().
void disposeBySymbol(Napi::Env env, const Napi::Function& constructor);

/// What every class shares: an object is known by its tag, which JavaScript cannot forge as it can a prototype.
template <class Wrap>
class Tagged : public Napi::ObjectWrap<Wrap> {
 public:
  static bool is(const Napi::Value& value) { return value.IsObject() && value.As<Napi::Object>().CheckTypeTag(&Wrap::kTag); }
  /// The native object behind a JavaScript one. Hides ObjectWrap's, so that methods called with a foreign `this`
  /// come here, too, where the engine lets them through.
  static Wrap* Unwrap(const Napi::Object& object) {
    guarded(object.Env(), [&] {
      if (!is(object)) mismatch(Wrap::kName, "this", object);
    });
    return Napi::ObjectWrap<Wrap>::Unwrap(object);
  }

 protected:
  explicit Tagged(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Wrap>(info) { adopt(info, Wrap::kTag); }
};

class DeviceWrap final : public Tagged<DeviceWrap> {
 public:
  static constexpr const char* kName = "a Device";
  static constexpr napi_type_tag kTag{0x7c1f0c8e5a0b4d11, 0x9e63d2f4b8a17c05};
  static Napi::Function define(Napi::Env env);
  static Napi::Object make(Napi::Env env, std::shared_ptr<Device> device);
  static const std::shared_ptr<Device>& from(const Napi::Value& value, const char* name = "device");
  explicit DeviceWrap(const Napi::CallbackInfo& info) : Tagged(info) {}

 private:
  Napi::Value upload(const Napi::CallbackInfo& info);
  Napi::Value full(const Napi::CallbackInfo& info);
  Napi::Value randn(const Napi::CallbackInfo& info);
  Napi::Value synchronize(const Napi::CallbackInfo& info);
  Napi::Value trim(const Napi::CallbackInfo& info);
  void trimFree(const Napi::CallbackInfo& info);
  Napi::Value transfers(const Napi::CallbackInfo& info);
  Napi::Value memory(const Napi::CallbackInfo& info);
  Napi::Value kind(const Napi::CallbackInfo& info);
  Napi::Value index(const Napi::CallbackInfo& info);
  Napi::Value threads(const Napi::CallbackInfo& info);
  Napi::Value name(const Napi::CallbackInfo& info);

  std::shared_ptr<Device> device_;
};

class TensorWrap final : public Tagged<TensorWrap> {
 public:
  static constexpr const char* kName = "a Tensor";
  static constexpr napi_type_tag kTag{0x1d9a4be7c35f4e62, 0xa8f07b6d21c94e3b};
  static Napi::Function define(Napi::Env env);
  static Napi::Object make(Napi::Env env, Tensor tensor);
  /// Throws ArgumentError for anything but a tensor, DisposedError for one that is gone.
  static const Tensor& from(const Napi::Value& value, const char* name);
  explicit TensorWrap(const Napi::CallbackInfo& info) : Tagged(info) {}
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

class OperatorWrap final : public Tagged<OperatorWrap> {
 public:
  static constexpr const char* kName = "an Operator";
  static constexpr napi_type_tag kTag{0x52e6b09d8f7a4c83, 0xb1d45e3a6c0f7928};
  static Napi::Function define(Napi::Env env);
  static Napi::Object make(Napi::Env env, std::shared_ptr<Operator> operation);
  explicit OperatorWrap(const Napi::CallbackInfo& info) : Tagged(info) {}
  ~OperatorWrap() override;

 private:
  const std::shared_ptr<Operator>& live() const;
  void release(Napi::Env env);
  void dispose(const Napi::CallbackInfo& info);
  Napi::Value bytes(const Napi::CallbackInfo& info);
  /// A promise; the work is done away from the event loop and from the device's queue.
  Napi::Value ready(const Napi::CallbackInfo& info);
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
  std::int64_t bytes_ = 0;  // that V8 was told of
};

class SessionWrap final : public Tagged<SessionWrap> {
 public:
  static constexpr const char* kName = "a Session";
  static constexpr napi_type_tag kTag{0xe08b37f2164d4fa9, 0x8d2c95a0f7e3b164};
  static Napi::Function define(Napi::Env env);
  static Napi::Object make(Napi::Env env, std::shared_ptr<Session> session);
  /// createSession(device, model, options): a promise; the work is done away from the event loop.
  static Napi::Value create(const Napi::CallbackInfo& info);
  /// deferSession(device, model, options): a session at once, whose network is loaded when it first runs.
  static Napi::Value defer(const Napi::CallbackInfo& info);
  explicit SessionWrap(const Napi::CallbackInfo& info) : Tagged(info) {}

 private:
  Napi::Value run(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info);
  Napi::Value busySeconds(const Napi::CallbackInfo& info);
  Napi::Value readBytes(const Napi::CallbackInfo& info);
  Napi::Value weightBytes(const Napi::CallbackInfo& info);

  std::shared_ptr<Session> session_;
};

class CancellationWrap final : public Tagged<CancellationWrap> {
 public:
  static constexpr const char* kName = "a Cancellation";
  static constexpr napi_type_tag kTag{0x3b7d90e1f5c24a68, 0x94e1c6d27f0b5a3d};
  static Napi::Function define(Napi::Env env);
  static Napi::Object make(Napi::Env env);
  /// Null for undefined.
  static std::shared_ptr<Cancellation> from(const Napi::Value& value, const char* name);
  explicit CancellationWrap(const Napi::CallbackInfo& info) : Tagged(info) {}

 private:
  void cancel(const Napi::CallbackInfo& info);

  std::shared_ptr<Cancellation> cancellation_;
};

}  // namespace latino::addon
