#include "addon/promise.h"
#include "addon/wraps.h"
#include "kernels/elementwise.h"

namespace latino::addon {

namespace {

/// Bytes that are sooner copied than kept for the queue: 0.1 ms.
constexpr std::size_t kCopiedAtOnce = std::size_t{1} << 20;

std::uint64_t seedFrom(const Napi::Value& value) {
  if (!value.IsBigInt()) {
    const std::int64_t number = integerFrom(value, "seed");
    if (number < 0) throw ArgumentError("Expected an integer of 0 or more for seed but received " + std::to_string(number));
    return static_cast<std::uint64_t>(number);
  }
  bool lossless = false;
  const std::uint64_t seed = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) throw ArgumentError("Expected an integer from 0 to 2^64 - 1 for seed");
  return seed;
}

}  // namespace

Napi::Function DeviceWrap::define(Napi::Env env) {
  return DefineClass(env, "Device",
                     {InstanceMethod<&DeviceWrap::upload>("upload"), InstanceMethod<&DeviceWrap::full>("full"),
                      InstanceMethod<&DeviceWrap::randn>("randn"), InstanceMethod<&DeviceWrap::synchronize>("synchronize"),
                      InstanceMethod<&DeviceWrap::trim>("trim"), InstanceMethod<&DeviceWrap::trimFree>("trimFree"),
                      InstanceAccessor<&DeviceWrap::transfers>("transfers"), InstanceAccessor<&DeviceWrap::memory>("memory"),
                      InstanceAccessor<&DeviceWrap::kind>("kind"), InstanceAccessor<&DeviceWrap::index>("index"),
                      InstanceAccessor<&DeviceWrap::name>("name"), InstanceAccessor<&DeviceWrap::threads>("threads")});
}

Napi::Object DeviceWrap::make(Napi::Env env, std::shared_ptr<Device> device) {
  const Napi::Object object = env.GetInstanceData<Classes>()->device.New({Napi::External<void>::New(env, env.GetInstanceData<Classes>())});
  Unwrap(object)->device_ = std::move(device);
  return object;
}

const std::shared_ptr<Device>& DeviceWrap::from(const Napi::Value& value, const char* name) {
  if (!is(value)) mismatch(kName, name, value);
  return Unwrap(value.As<Napi::Object>())->device_;
}

Napi::Value DeviceWrap::upload(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Shape shape = shapeFrom(info[1], "shape");
    const char* expected = "a Float32Array, BigInt64Array or Uint16Array";
    if (!info[0].IsTypedArray()) mismatch(expected, "data", info[0]);
    const auto array = info[0].As<Napi::TypedArray>();
    DType dtype = DType::f32;
    switch (array.TypedArrayType()) {
      case napi_float32_array:
        break;
      case napi_bigint64_array:
        dtype = DType::i64;
        break;
      case napi_uint16_array:
        dtype = DType::f16;
        break;
      default:
        mismatch(expected, "data", info[0]);
    }
    if (static_cast<std::int64_t>(array.ElementLength()) != elementCount(shape)) {
      throw ShapeError("Expected " + std::to_string(elementCount(shape)) + " values for shape " + toString(shape) + " but received " +
                       std::to_string(array.ElementLength()));
    }
    const std::byte* bytes = bytesOf(array).data();
    const auto cancellation = CancellationWrap::from(info[2], "cancellation");
    if (array.ByteLength() <= kCopiedAtOnce)
      return TensorWrap::make(info.Env(), latino::upload(device_, shape, dtype, bytes, cancellation));
    const Tensor tensor(device_, shape, dtype);
    tensor.storage().cancellation = cancellation;
    submit({}, {tensor}, [tensor, bytes, link = Link::open(info.Env(), array)] {
      link->whileAlive([&] { tensor.device().copyFromHost(tensor.data<void>(), bytes, tensor.bytes()); });
    });
    return TensorWrap::make(info.Env(), tensor);
  });
}

Napi::Value DeviceWrap::full(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const std::string dtype = info[2].IsUndefined() ? "f32" : stringFrom(info[2], "dtype");
    if (dtype != "f32" && dtype != "i64") throw ArgumentError("Expected f32 or i64 for dtype but received " + dtype);
    return TensorWrap::make(info.Env(), latino::full(device_, shapeFrom(info[0], "shape"), dtype == "f32" ? DType::f32 : DType::i64,
                                                     numberFrom(info[1], "value")));
  });
}

Napi::Value DeviceWrap::randn(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    std::vector<std::uint64_t> seeds;
    if (info[1].IsArray()) {
      const auto array = info[1].As<Napi::Array>();
      for (std::uint32_t i = 0; i < array.Length(); ++i) seeds.push_back(seedFrom(array.Get(i)));
    } else {
      seeds.push_back(seedFrom(info[1]));
    }
    const std::int64_t call = integerFrom(info[2], "call");
    if (call < 0) throw ArgumentError("Expected an integer of 0 or more for call but received " + std::to_string(call));
    return TensorWrap::make(info.Env(), latino::randn(device_, shapeFrom(info[0], "shape"), seeds, static_cast<std::uint64_t>(call)));
  });
}

Napi::Value DeviceWrap::synchronize(const Napi::CallbackInfo& info) {
  return inQueue(info.Env(), *device_, info.Env().Undefined(),
                 [device = device_](const auto&, const Completion& done) { device->whenDone(done); });
}

Napi::Value DeviceWrap::trim(const Napi::CallbackInfo& info) {
  return inQueue(info.Env(), *device_, info.Env().Undefined(), [device = device_](const auto&, const Completion& done) {
    device->trim();
    done(nullptr);
  });
}

void DeviceWrap::trimFree(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { device_->queue().enqueue([device = device_] { device->trimFree(); }); });
}

Napi::Value DeviceWrap::transfers(const Napi::CallbackInfo& info) {
  const TransferCounts counts = device_->transfers();
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("uploads", static_cast<double>(counts.uploads));
  object.Set("uploadBytes", static_cast<double>(counts.uploadBytes));
  object.Set("downloads", static_cast<double>(counts.downloads));
  object.Set("downloadBytes", static_cast<double>(counts.downloadBytes));
  return object;
}

Napi::Value DeviceWrap::memory(const Napi::CallbackInfo& info) {
  const MemoryCounts counts = device_->memory();
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("inUse", static_cast<double>(counts.inUse));
  object.Set("pooled", static_cast<double>(counts.pooled));
  object.Set("peak", static_cast<double>(counts.peak));
  return object;
}

Napi::Value DeviceWrap::kind(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), device_->kind() == DeviceKind::cpu ? "cpu" : "cuda");
}
Napi::Value DeviceWrap::index(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), device_->index()); }
Napi::Value DeviceWrap::threads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), device_->threadCount()); }
Napi::Value DeviceWrap::name(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), device_->name()); }

}  // namespace latino::addon
