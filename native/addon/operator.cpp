#include "addon/wraps.h"

namespace latino::addon {

namespace {
Scalar gammaFrom(const Napi::Value& value) {
  if (TensorWrap::is(value)) return TensorWrap::from(value, "gamma");
  return numberFrom(value, "gamma");
}
}  // namespace

Napi::Function OperatorWrap::define(Napi::Env env) {
  return DefineClass(
      env, "Operator",
      {InstanceMethod<&OperatorWrap::measurementShape>("measurementShape"), InstanceMethod<&OperatorWrap::imageShape>("imageShape"),
       InstanceMethod<&OperatorWrap::forward>("forward"), InstanceMethod<&OperatorWrap::adjoint>("adjoint"),
       InstanceMethod<&OperatorWrap::residual>("residual"), InstanceMethod<&OperatorWrap::proxFromResidual>("proxFromResidual"),
       InstanceMethod<&OperatorWrap::prox>("prox"), InstanceMethod<&OperatorWrap::errorVariance>("errorVariance"),
       InstanceMethod<&OperatorWrap::discrepancyGamma>("discrepancyGamma")});
}

Napi::Object OperatorWrap::make(Napi::Env env, std::shared_ptr<Operator> operation) {
  const Napi::Object object =
      env.GetInstanceData<Classes>()->operation.New({Napi::External<void>::New(env, env.GetInstanceData<Classes>())});
  Unwrap(object)->operator_ = std::move(operation);
  return object;
}

Napi::Value OperatorWrap::measurementShape(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return toArray(info.Env(), operator_->measurementShape(shapeFrom(info[0], "image"))); });
}
Napi::Value OperatorWrap::imageShape(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return toArray(info.Env(), operator_->imageShape(shapeFrom(info[0], "measurement"))); });
}
Napi::Value OperatorWrap::forward(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return TensorWrap::make(info.Env(), operator_->forward(TensorWrap::from(info[0], "x"))); });
}
Napi::Value OperatorWrap::adjoint(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return TensorWrap::make(info.Env(), operator_->adjoint(TensorWrap::from(info[0], "y"))); });
}
Napi::Value OperatorWrap::residual(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return TensorWrap::make(info.Env(), operator_->residual(TensorWrap::from(info[0], "z"), TensorWrap::from(info[1], "y")));
  });
}
Napi::Value OperatorWrap::proxFromResidual(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return TensorWrap::make(
        info.Env(), operator_->proxFromResidual(TensorWrap::from(info[0], "z"), TensorWrap::from(info[1], "residual"), gammaFrom(info[2])));
  });
}
Napi::Value OperatorWrap::prox(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return TensorWrap::make(info.Env(),
                            operator_->prox(TensorWrap::from(info[0], "z"), TensorWrap::from(info[1], "y"), gammaFrom(info[2])));
  });
}
Napi::Value OperatorWrap::errorVariance(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return TensorWrap::make(info.Env(), operator_->errorVariance(TensorWrap::from(info[0], "residual"), numberFrom(info[1], "sigma"),
                                                                 numberFrom(info[2], "floor")));
  });
}
Napi::Value OperatorWrap::discrepancyGamma(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return TensorWrap::make(info.Env(), operator_->discrepancyGamma(TensorWrap::from(info[0], "residual"), numberFrom(info[1], "sigma")));
  });
}

}  // namespace latino::addon
