#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "addon/arrays.h"
#include "addon/promise.h"
#include "addon/wraps.h"

namespace latino::addon {

namespace {

/// Where the values of a tensor go.
struct Destination {
  Napi::Value array;
  void* data;
};

/// An array for the values of a tensor; undefined where JavaScript cannot hold as many.
template <class T>
Destination destinationOf(Napi::Env env, const Tensor& tensor) {
  try {
    const auto array = newArray<T>(env, static_cast<std::size_t>(tensor.size()));
    return {array.value, array.elements.data()};
  } catch (const DeviceMemoryError&) {
    return {env.Undefined(), nullptr};
  }
}

Destination destination(Napi::Env env, const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::f32:
      return destinationOf<float>(env, tensor);
    case DType::i64:
      return destinationOf<std::int64_t>(env, tensor);
    default:
      return destinationOf<std::uint16_t>(env, tensor);
  }
}

/// Of values that have been downloaded, which is where looking at them costs next to nothing.
std::exception_ptr unlessFinite(const float* values, std::int64_t all) {
  const std::int64_t bad = std::count_if(values, values + all, [](float value) { return !std::isfinite(value); });
  if (bad == 0) return nullptr;
  return std::make_exception_ptr(NumericError("Expected finite values but " + std::to_string(bad) + " of " + std::to_string(all) +
                                              " are not: is sigma too small, or a weight of the model not finite?"));
}

}  // namespace

Napi::Function TensorWrap::define(Napi::Env env) {
  const Napi::Function constructor =
      DefineClass(env, "Tensor",
                  {InstanceMethod<&TensorWrap::read>("read"), InstanceMethod<&TensorWrap::ready>("ready"),
                   InstanceMethod<&TensorWrap::dispose>("dispose"), InstanceAccessor<&TensorWrap::shape>("shape"),
                   InstanceAccessor<&TensorWrap::dtype>("dtype"), InstanceAccessor<&TensorWrap::disposed>("disposed")});
  disposeBySymbol(env, constructor);
  return constructor;
}

Napi::Object TensorWrap::make(Napi::Env env, Tensor tensor) {
  const Napi::Object object = env.GetInstanceData<Classes>()->tensor.New({Napi::External<void>::New(env, env.GetInstanceData<Classes>())});
  TensorWrap* wrap = Unwrap(object);
  wrap->tensor_ = std::move(tensor);
  wrap->reported_ = static_cast<std::int64_t>(wrap->tensor_.bytes());
  Napi::MemoryManagement::AdjustExternalMemory(env, wrap->reported_);
  return object;
}

TensorWrap::~TensorWrap() { release(Env()); }

void TensorWrap::release(Napi::Env env) {
  if (reported_ != 0) Napi::MemoryManagement::AdjustExternalMemory(env, -reported_);
  reported_ = 0;
  tensor_ = {};
}

const Tensor& TensorWrap::from(const Napi::Value& value, const char* name) {
  if (!is(value)) mismatch(kName, name, value);
  const Tensor& tensor = Unwrap(value.As<Napi::Object>())->tensor_;
  if (!tensor.valid()) throw DisposedError(std::string("Expected a live tensor for ") + name + " but it has been disposed");
  return tensor;
}

const Tensor& TensorWrap::live() const {
  if (!tensor_.valid()) throw DisposedError("Expected a live tensor but it has been disposed");
  return tensor_;
}

Napi::Value TensorWrap::read(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Tensor tensor = live();
    const bool isFiniteAsked = info[0].IsObject() && info[0].As<Napi::Object>().Get("finite").ToBoolean();
    if (isFiniteAsked && tensor.dtype() != DType::f32)
      throw ArgumentError(std::string("Expected a tensor of f32 to look for finite values but received ") + nameOf(tensor.dtype()));
    // Made now, since only this thread can: its memory is taken as the values come in.
    const auto [array, data] = destination(info.Env(), tensor);
    return inQueue(info.Env(), tensor.device(), array, [tensor, data = data, isFiniteAsked](const auto& link, const Completion& done) {
      if (tensor.storage().error) std::rethrow_exception(tensor.storage().error);
      if (data == nullptr && tensor.bytes() > 0)
        throw DeviceMemoryError("Expected room in JavaScript for " + std::to_string(tensor.bytes()) + " bytes but there is less");
      tensor.device().read(tensor.data<void>(), tensor.bytes(), [=](const void* values, std::exception_ptr error) {
        if (!error && isFiniteAsked) error = unlessFinite(static_cast<const float*>(values), tensor.size());
        if (!error && tensor.bytes() > 0) link->whileAlive([&] { std::memcpy(data, values, tensor.bytes()); });
        done(error);
      });
    });
  });
}

Napi::Value TensorWrap::ready(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Tensor tensor = live();
    return inQueue(info.Env(), tensor.device(), info.Env().Undefined(), [tensor](const auto&, const Completion& done) {
      if (tensor.storage().error) std::rethrow_exception(tensor.storage().error);
      tensor.device().whenDone(done);
    });
  });
}

void TensorWrap::dispose(const Napi::CallbackInfo& info) { release(info.Env()); }
Napi::Value TensorWrap::shape(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return toArray(info.Env(), live().shape()); });
}
Napi::Value TensorWrap::dtype(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return Napi::String::New(info.Env(), nameOf(live().dtype())); });
}
Napi::Value TensorWrap::disposed(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), !tensor_.valid()); }

}  // namespace latino::addon
