#include "addon/promise.h"
#include "addon/wraps.h"

namespace latino::addon {

namespace {
Scalar gammaFrom(const Napi::Value& value) {
  if (TensorWrap::is(value)) return TensorWrap::from(value, "gamma");
  return numberFrom(value, "gamma");
}

/// None for undefined.
PerImage sigmaFrom(const Napi::Value& value) { return value.IsUndefined() ? PerImage{} : numbersFrom(value, "sigma"); }

/// A batch of at least one image, of one channel or more: what every operator takes, and the float32 that they read.
const Tensor& imagesFrom(const Napi::Value& value, const char* name) {
  const Tensor& tensor = TensorWrap::from(value, name);
  if (tensor.dtype() != DType::f32)
    throw ArgumentError(std::string("Expected a tensor of f32 for ") + name + " but received " + nameOf(tensor.dtype()));
  if (tensor.rank() < 4 || tensor.size() == 0)
    throw ShapeError(std::string("Expected images [N, C, H, W] for ") + name + " but received " + toString(tensor.shape()));
  return tensor;
}

}  // namespace

Napi::Function OperatorWrap::define(Napi::Env env) {
  const Napi::Function constructor = DefineClass(
      env, "Operator",
      {InstanceMethod<&OperatorWrap::ready>("ready"), InstanceMethod<&OperatorWrap::measurementShape>("measurementShape"),
       InstanceMethod<&OperatorWrap::imageShape>("imageShape"), InstanceMethod<&OperatorWrap::forward>("forward"),
       InstanceMethod<&OperatorWrap::adjoint>("adjoint"), InstanceMethod<&OperatorWrap::residual>("residual"),
       InstanceMethod<&OperatorWrap::proxFromResidual>("proxFromResidual"), InstanceMethod<&OperatorWrap::prox>("prox"),
       InstanceMethod<&OperatorWrap::errorVariance>("errorVariance"), InstanceMethod<&OperatorWrap::discrepancyGamma>("discrepancyGamma"),
       InstanceMethod<&OperatorWrap::dispose>("dispose"), InstanceAccessor<&OperatorWrap::bytes>("bytes")});
  disposeBySymbol(env, constructor);
  return constructor;
}

Napi::Object OperatorWrap::make(Napi::Env env, std::shared_ptr<Operator> operation) {
  const Napi::Object object =
      env.GetInstanceData<Classes>()->operation.New({Napi::External<void>::New(env, env.GetInstanceData<Classes>())});
  OperatorWrap* wrap = Unwrap(object);
  wrap->bytes_ = operation->bytes();
  wrap->operator_ = std::move(operation);
  Napi::MemoryManagement::AdjustExternalMemory(env, wrap->bytes_);
  return object;
}

OperatorWrap::~OperatorWrap() { release(Env()); }

void OperatorWrap::release(Napi::Env env) {
  if (operator_) Napi::MemoryManagement::AdjustExternalMemory(env, -bytes_);
  operator_ = nullptr;
}

const std::shared_ptr<Operator>& OperatorWrap::live() const {
  if (!operator_) throw DisposedError("Expected a live operator but it has been disposed");
  return operator_;
}

void OperatorWrap::dispose(const Napi::CallbackInfo& info) { release(info.Env()); }
Napi::Value OperatorWrap::bytes(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), static_cast<double>(bytes_)); }

Napi::Value OperatorWrap::ready(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return inPool(
        info.Env(), {},
        [operation = live(), cancellation = CancellationWrap::from(info[0], "cancellation")] {
          const CancellationScope scope(cancellation);
          operation->prepare();
        },
        [](Napi::Env env) { return env.Undefined(); });
  });
}

Napi::Value OperatorWrap::measurementShape(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return toArray(info.Env(), live()->measurementShape(shapeFrom(info[0], "image"))); });
}
Napi::Value OperatorWrap::imageShape(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return toArray(info.Env(), live()->imageShape(shapeFrom(info[0], "measurement"))); });
}
Napi::Value OperatorWrap::forward(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return TensorWrap::make(info.Env(), live()->forward(imagesFrom(info[0], "x"))); });
}
Napi::Value OperatorWrap::adjoint(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return TensorWrap::make(info.Env(), live()->adjoint(imagesFrom(info[0], "y"))); });
}
Napi::Value OperatorWrap::residual(const Napi::CallbackInfo& info) {
  return guarded(info.Env(),
                 [&] { return TensorWrap::make(info.Env(), live()->residual(imagesFrom(info[0], "z"), imagesFrom(info[1], "y"))); });
}
Napi::Value OperatorWrap::proxFromResidual(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return TensorWrap::make(info.Env(), live()->proxFromResidual(imagesFrom(info[0], "z"), imagesFrom(info[1], "residual"),
                                                                 gammaFrom(info[2]), sigmaFrom(info[3])));
  });
}
Napi::Value OperatorWrap::prox(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return TensorWrap::make(info.Env(),
                            live()->prox(imagesFrom(info[0], "z"), imagesFrom(info[1], "y"), gammaFrom(info[2]), sigmaFrom(info[3])));
  });
}
Napi::Value OperatorWrap::errorVariance(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return TensorWrap::make(
        info.Env(), live()->errorVariance(imagesFrom(info[0], "residual"), numbersFrom(info[1], "sigma"), numberFrom(info[2], "floor")));
  });
}
Napi::Value OperatorWrap::discrepancyGamma(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return TensorWrap::make(info.Env(), live()->discrepancyGamma(imagesFrom(info[0], "residual"), numbersFrom(info[1], "sigma")));
  });
}

}  // namespace latino::addon
