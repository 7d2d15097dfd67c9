#include "addon/promise.h"
#include "addon/wraps.h"

namespace latino::addon {

namespace {

std::vector<std::byte> bytesFrom(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray()) mismatch("a Uint8Array", name, value);
  const auto bytes = bytesOf(value.As<Napi::TypedArray>());
  return {bytes.begin(), bytes.end()};
}

FileVersion versionFrom(const Napi::Value& value) {
  const Napi::Object version = objectFrom(value, "version");
  return {static_cast<std::uint64_t>(integerFrom(version.Get("size"), "size")), bigIntegerFrom(version.Get("modified"), "modified")};
}

/// All of a weight but its updates.
WeightSource storedFrom(const Napi::Object& weight) {
  WeightSource source;
  source.name = stringFrom(weight.Get("name"), "name");
  source.shape = shapeFrom(weight.Get("shape"), "shape");
  source.sourceType = stringFrom(weight.Get("sourceType"), "sourceType");
  if (!weight.Get("path").IsUndefined()) source.path = stringFrom(weight.Get("path"), "path");
  if (!weight.Get("offset").IsUndefined()) source.offset = static_cast<std::uint64_t>(integerFrom(weight.Get("offset"), "offset"));
  if (!weight.Get("data").IsUndefined()) source.data = bytesFrom(weight.Get("data"), "data");
  if (!weight.Get("isTransposed").IsUndefined()) source.isTransposed = booleanFrom(weight.Get("isTransposed"), "isTransposed");
  if (!weight.Get("version").IsUndefined()) source.version = versionFrom(weight.Get("version"));
  return source;
}

/// A factor of an update, which has none itself.
std::shared_ptr<const WeightSource> factorFrom(const Napi::Value& value, const char* name) {
  const Napi::Object factor = objectFrom(value, name);
  if (const Napi::Value updates = factor.Get("updates"); !updates.IsUndefined()) mismatch("no updates", name, updates);
  return std::make_shared<const WeightSource>(storedFrom(factor));
}

WeightSource weightFrom(const Napi::Value& value, const char* name) {
  const Napi::Object weight = objectFrom(value, name);
  WeightSource source = storedFrom(weight);
  const Napi::Value updates = weight.Get("updates");
  if (updates.IsUndefined()) return source;
  if (!updates.IsArray()) mismatch("an array", "updates", updates);
  const auto list = updates.As<Napi::Array>();
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Object update = objectFrom(list.Get(i), "updates");
    source.updates.push_back(
        {factorFrom(update.Get("up"), "up"), factorFrom(update.Get("down"), "down"), numberFrom(update.Get("factor"), "factor")});
  }
  return source;
}

std::vector<WeightSource> weightsFrom(const Napi::Value& value, const char* name) {
  std::vector<WeightSource> sources;
  if (value.IsUndefined()) return sources;
  if (!value.IsArray()) mismatch("an array", name, value);
  const auto list = value.As<Napi::Array>();
  for (std::uint32_t i = 0; i < list.Length(); ++i) sources.push_back(weightFrom(list.Get(i), name));
  return sources;
}

std::vector<MappedFile> filesFrom(const Napi::Value& value) {
  std::vector<MappedFile> files;
  if (value.IsUndefined()) return files;
  if (!value.IsArray()) mismatch("an array", "files", value);
  const auto list = value.As<Napi::Array>();
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Object file = objectFrom(list.Get(i), "files");
    files.push_back({stringFrom(file.Get("path"), "path"), versionFrom(file.Get("version"))});
  }
  return files;
}

SessionOptions optionsFrom(const Napi::Value& value) {
  SessionOptions options;
  if (value.IsUndefined()) return options;
  const Napi::Object object = objectFrom(value, "options");
  const Napi::Value folder = object.Get("folder");
  if (!folder.IsUndefined()) options.folder = stringFrom(folder, "folder");
  options.threads = threadsFrom(object);
  options.cancellation = CancellationWrap::from(object.Get("cancellation"), "cancellation");
  options.weights = weightsFrom(object.Get("weights"), "weights");
  options.layerWeights = weightsFrom(object.Get("layerWeights"), "layerWeights");
  options.files = filesFrom(object.Get("files"));
  return options;
}

}  // namespace

Napi::Function SessionWrap::define(Napi::Env env) {
  return DefineClass(env, "Session",
                     {InstanceMethod<&SessionWrap::run>("run"), InstanceMethod<&SessionWrap::dispose>("dispose"),
                      InstanceAccessor<&SessionWrap::busySeconds>("busySeconds"), InstanceAccessor<&SessionWrap::readBytes>("readBytes"),
                      InstanceAccessor<&SessionWrap::weightBytes>("weightBytes")});
}

Napi::Object SessionWrap::make(Napi::Env env, std::shared_ptr<Session> session) {
  const Napi::Object object = env.GetInstanceData<Classes>()->session.New({Napi::External<void>::New(env, env.GetInstanceData<Classes>())});
  Unwrap(object)->session_ = std::move(session);
  return object;
}

Napi::Value SessionWrap::create(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto session = std::make_shared<std::shared_ptr<Session>>();
    return inPool(
        info.Env(), {},
        [session, device = DeviceWrap::from(info[0]), model = bytesFrom(info[1], "model"), options = optionsFrom(info[2])]() mutable {
          *session = Session::create(device, model, std::move(options));
        },
        [session](Napi::Env env) { return SessionWrap::make(env, std::move(*session)); });
  });
}

Napi::Value SessionWrap::defer(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return make(info.Env(), Session::defer(DeviceWrap::from(info[0]), bytesFrom(info[1], "model"), optionsFrom(info[2])));
  });
}

Napi::Value SessionWrap::run(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    if (!session_) throw DisposedError("Expected a live session but it has been disposed");
    const Napi::Object given = objectFrom(info[0], "inputs"), wanted = objectFrom(info[1], "outputs");
    std::vector<std::pair<std::string, Tensor>> inputs;
    std::vector<std::pair<std::string, Shape>> outputs;
    const Napi::Array inputNames = given.GetPropertyNames(), outputNames = wanted.GetPropertyNames();
    for (std::uint32_t i = 0; i < inputNames.Length(); ++i) {
      const std::string name = inputNames.Get(i).ToString();
      inputs.emplace_back(name, TensorWrap::from(given.Get(name), name.c_str()));
    }
    for (std::uint32_t i = 0; i < outputNames.Length(); ++i) {
      const std::string name = outputNames.Get(i).ToString();
      outputs.emplace_back(name, shapeFrom(wanted.Get(name), name.c_str()));
    }
    const std::vector<Tensor> results = session_->run(inputs, outputs);
    Napi::Object object = Napi::Object::New(info.Env());
    for (std::size_t i = 0; i < results.size(); ++i) object.Set(outputs[i].first, TensorWrap::make(info.Env(), results[i]));
    return object;
  });
}

void SessionWrap::dispose(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    if (!session_) return;
    // Away from the event loop: a large model takes a while to free. The session may hold the last reference to its device: until the
    // queue has taken the task, this one does.
    const std::shared_ptr<Device> device = session_->device();
    device->queue().enqueue([session = std::move(session_)] {});
  });
}

Napi::Value SessionWrap::readBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), session_ ? static_cast<double>(session_->readBytes()) : 0);
}

Napi::Value SessionWrap::weightBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), session_ ? static_cast<double>(session_->weightBytes()) : 0);
}

Napi::Value SessionWrap::busySeconds(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), session_ ? session_->busySeconds() : 0);
}

}  // namespace latino::addon
