// What the addon exports; src/device/addon.ts is its contract.
#include <dlfcn.h>

#include "addon/arrays.h"
#include "addon/exports.h"
#include "addon/wraps.h"
#include "kernels/calibration.h"
#include "kernels/elementwise.h"
#include "kernels/moments.h"
#include "kernels/rows.h"
#include "kernels/windows.h"
#include "tensor/open_device.h"

namespace latino::addon {

void adopt(const Napi::CallbackInfo& info, const napi_type_tag& tag) {
  guarded(info.Env(), [&] {
    if (!info[0].IsExternal())
      throw ArgumentError("Expected objects of this class to come from the addon but received a call of its constructor");
    info.This().As<Napi::Object>().TypeTag(&tag);
  });
}

void disposeBySymbol(Napi::Env env, const Napi::Function& constructor) {
  const Napi::Value symbol = env.Global().Get("Symbol").As<Napi::Object>().Get("dispose");
  auto prototype = constructor.Get("prototype").As<Napi::Object>();
  if (symbol.IsSymbol()) prototype.Set(symbol, prototype.Get("dispose"));
}

namespace {

Napi::Value openDevice(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::string name = stringFrom(info[0], "device");
    const unsigned threads = info[1].IsUndefined() ? 0 : threadsFrom(objectFrom(info[1], "options"));
    return DeviceWrap::make(info.Env(), latino::openDevice(name, threads));
  });
}

SparseMatrix matrixFrom(const Napi::Value& value, const char* name) {
  const Napi::Object object = objectFrom(value, name);
  const auto starts = elementsOf<std::uint32_t>(object.Get("starts"), "starts"),
             indices = elementsOf<std::uint32_t>(object.Get("indices"), "indices");
  return {integerFrom(object.Get("rows"), "rows"),
          integerFrom(object.Get("columns"), "columns"),
          {starts.begin(), starts.end()},
          {indices.begin(), indices.end()},
          doublesFrom(object.Get("values"), "values")};
}

WindowGrid gridFrom(const Napi::Value& value) {
  const Napi::Object object = objectFrom(value, "grid");
  return {shapeFrom(object.Get("rows"), "rows"), shapeFrom(object.Get("columns"), "columns"), integerFrom(object.Get("height"), "height"),
          integerFrom(object.Get("width"), "width"), numberFrom(object.Get("ramp"), "ramp")};
}

Taps tapsFrom(const Napi::Value& value) {
  const Napi::Object object = objectFrom(value, "taps");
  return {integerFrom(object.Get("height"), "height"), integerFrom(object.Get("width"), "width"),
          integerFrom(object.Get("centreY"), "centreY"), integerFrom(object.Get("centreX"), "centreX"),
          doublesFrom(object.Get("values"), "values")};
}

Boundary boundaryFrom(const Napi::Value& value) {
  const std::string name = stringFrom(value, "boundary");
  if (name == "reflect") return Boundary::reflect;
  if (name == "replicate") return Boundary::replicate;
  if (name == "zero") return Boundary::zero;
  if (name == "circular") return Boundary::circular;
  throw ArgumentError("Expected reflect, replicate, zero or circular for boundary but received " + name);
}

std::vector<Tensor> tensorsFrom(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) mismatch("an array of tensors", name, value);
  const auto array = value.As<Napi::Array>();
  std::vector<Tensor> tensors;
  for (std::uint32_t i = 0; i < array.Length(); ++i) tensors.push_back(TensorWrap::from(array.Get(i), name));
  return tensors;
}

void addKernels(Napi::Env env, Napi::Object& exports) {
  using Info = const Napi::CallbackInfo&;
  add(env, exports, "linearCombination", [](Info info) {
    return TensorWrap::make(info.Env(), linearCombination(numbersFrom(info[0], "a"), TensorWrap::from(info[1], "x"),
                                                          numbersFrom(info[2], "b"), TensorWrap::from(info[3], "y")));
  });
  add(env, exports, "clip", [](Info info) {
    return TensorWrap::make(info.Env(), clip(TensorWrap::from(info[0], "x"), numberFrom(info[1], "low"), numberFrom(info[2], "high")));
  });
  add(env, exports, "norm", [](Info info) { return TensorWrap::make(info.Env(), norm(TensorWrap::from(info[0], "x"))); });
  add(env, exports, "power", [](Info info) {
    return TensorWrap::make(info.Env(),
                            power(TensorWrap::from(info[0], "x"), numbersFrom(info[1], "coefficient"), numberFrom(info[2], "exponent")));
  });
  add(env, exports, "concatenate", [](Info info) { return TensorWrap::make(info.Env(), concatenate(tensorsFrom(info[0], "tensors"))); });
  add(env, exports, "joinLast",
      [](Info info) { return TensorWrap::make(info.Env(), joinLast(TensorWrap::from(info[0], "x"), TensorWrap::from(info[1], "y"))); });
  add(env, exports, "slice", [](Info info) {
    return TensorWrap::make(info.Env(), slice(TensorWrap::from(info[0], "x"), integerFrom(info[1], "from"), integerFrom(info[2], "to")));
  });
  add(env, exports, "fitFrame", [](Info info) {
    return TensorWrap::make(info.Env(),
                            fitFrame(TensorWrap::from(info[0], "x"), integerFrom(info[1], "height"), integerFrom(info[2], "width")));
  });
}

void addWindows(Napi::Env env, Napi::Object& exports) {
  using Info = const Napi::CallbackInfo&;
  add(env, exports, "cutWindows",
      [](Info info) { return TensorWrap::make(info.Env(), cutWindows(TensorWrap::from(info[0], "x"), gridFrom(info[1]))); });
  add(env, exports, "shareWindows",
      [](Info info) { return TensorWrap::make(info.Env(), shareWindows(TensorWrap::from(info[0], "x"), gridFrom(info[1]))); });
  add(env, exports, "blendWindows", [](Info info) {
    return TensorWrap::make(info.Env(), blendWindows(TensorWrap::from(info[0], "windows"), gridFrom(info[1]),
                                                     integerFrom(info[2], "height"), integerFrom(info[3], "width")));
  });
}

void addBands(Napi::Env env, Napi::Object& exports) {
  using Info = const Napi::CallbackInfo&;
  add(env, exports, "rows", [](Info info) {
    return TensorWrap::make(info.Env(), rows(tensorsFrom(info[0], "bands"), integerFrom(info[1], "from"), integerFrom(info[2], "to")));
  });
  add(env, exports, "groupMoments",
      [](Info info) { return TensorWrap::make(info.Env(), groupMoments(TensorWrap::from(info[0], "x"), integerFrom(info[1], "groups"))); });
  add(env, exports, "pooledMoments", [](Info info) { return TensorWrap::make(info.Env(), pooledMoments(tensorsFrom(info[0], "parts"))); });
}

void addCalibration(Napi::Env env, Napi::Object& exports) {
  using Info = const Napi::CallbackInfo&;
  add(env, exports, "addNormalized", [](Info info) {
    const std::string over = stringFrom(info[2], "over");
    if (over != "token" && over != "image") throw ArgumentError("Expected token or image for over but received " + over);
    return TensorWrap::make(info.Env(), addNormalized(TensorWrap::from(info[0], "total"), TensorWrap::from(info[1], "gradient"),
                                                      over == "token" ? NormOver::token : NormOver::image, numberFrom(info[3], "scale"),
                                                      integerFrom(info[4], "frozenTokens")));
  });
  add(env, exports, "moveWithinBalls", [](Info info) {
    return TensorWrap::make(
        info.Env(), moveWithinBalls(TensorWrap::from(info[0], "c"), TensorWrap::from(info[1], "direction"), numberFrom(info[2], "step"),
                                    TensorWrap::from(info[3], "centre"), numberFrom(info[4], "radius")));
  });
}

void addOperators(Napi::Env env, Napi::Object& exports) {
  using Info = const Napi::CallbackInfo&;
  add(env, exports, "separable", [](Info info) {
    return OperatorWrap::make(info.Env(),
                              makeSeparable(DeviceWrap::from(info[0]), matrixFrom(info[1], "vertical"), matrixFrom(info[2], "horizontal")));
  });
  add(env, exports, "circularConvolution", [](Info info) {
    return OperatorWrap::make(info.Env(),
                              makeCircularConvolution(DeviceWrap::from(info[0]), tapsFrom(info[1]), integerFrom(info[2], "height"),
                                                      integerFrom(info[3], "width"), integerFrom(info[4], "factor")));
  });
  add(env, exports, "convolution", [](Info info) {
    return OperatorWrap::make(info.Env(),
                              makeConvolution(DeviceWrap::from(info[0]), tapsFrom(info[1]), integerFrom(info[2], "height"),
                                              integerFrom(info[3], "width"), integerFrom(info[4], "factor"), boundaryFrom(info[5])));
  });
  add(env, exports, "mask", [](Info info) {
    const auto missing = elementsOf<std::uint8_t>(info[3], "missing");
    return OperatorWrap::make(info.Env(), makeMask(DeviceWrap::from(info[0]), integerFrom(info[1], "height"), integerFrom(info[2], "width"),
                                                   std::vector<std::uint8_t>(missing.begin(), missing.end())));
  });
  add(env, exports, "identity", [](Info info) { return OperatorWrap::make(info.Env(), makeIdentity(DeviceWrap::from(info[0]))); });
  add(env, exports, "channelMix",
      [](Info info) { return OperatorWrap::make(info.Env(), makeChannelMix(DeviceWrap::from(info[0]), doublesFrom(info[1], "weights"))); });
}

/// Node unloads an addon with the last environment that uses it, a worker's for example; ONNX Runtime, which stays, and threads that are
/// still at work would call into what is gone.
void stayLoaded() {
  Dl_info self;
  if (dladdr(reinterpret_cast<const void*>(&stayLoaded), &self) != 0) dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  stayLoaded();
  auto* classes = new Classes{Napi::Persistent(DeviceWrap::define(env)), Napi::Persistent(TensorWrap::define(env)),
                              Napi::Persistent(OperatorWrap::define(env)), Napi::Persistent(SessionWrap::define(env)),
                              Napi::Persistent(CancellationWrap::define(env))};
  env.SetInstanceData(classes);  // owned by the environment from here
  add(env, exports, "setErrorClass", [](const Napi::CallbackInfo& info) -> Napi::Value {
    if (!info[0].IsFunction()) mismatch("a class", "LatinoError", info[0]);
    info.Env().GetInstanceData<Classes>()->error = Napi::Persistent(info[0].As<Napi::Function>());
    return info.Env().Undefined();
  });
  add(env, exports, "openRuntime", [](const Napi::CallbackInfo& info) -> Napi::Value {
    openRuntime(stringFrom(info[0], "libraryPath"));
    return info.Env().Undefined();
  });
  add(env, exports, "runtimeVersion",
      [](const Napi::CallbackInfo& info) -> Napi::Value { return Napi::String::New(info.Env(), runtimeVersion()); });
  add(env, exports, "cancellation", [](const Napi::CallbackInfo& info) -> Napi::Value { return CancellationWrap::make(info.Env()); });
  exports.Set("openDevice", Napi::Function::New<openDevice>(env));
  exports.Set("createSession", Napi::Function::New<&SessionWrap::create>(env));
  exports.Set("deferSession", Napi::Function::New<&SessionWrap::defer>(env));
  addKernels(env, exports);
  addWindows(env, exports);
  addBands(env, exports);
  addCalibration(env, exports);
  addOperators(env, exports);
  addImage(env, exports);
  return exports;
}

}  // namespace

}  // namespace latino::addon

static Napi::Object initialiseAddon(Napi::Env env, Napi::Object exports) { return latino::addon::initialise(env, exports); }

NODE_API_MODULE(latino, initialiseAddon)
