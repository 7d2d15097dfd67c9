// ONNX Runtime with a CUDA provider for the emulated device: the library that LATINO_EMULATED_ORT names, whose CPU provider computes on the
// device's memory, as work of the stream that a session was given. What the CUDA provider would not be given is passed on as it is.
#include <dlfcn.h>

#include <cstdlib>
#include <mutex>
#include <set>

#include "emulation/fault.h"
#include "emulation/onnxruntime/provider.h"
#include "emulation/onnxruntime/table.h"

namespace latino::emulation {

namespace {

using ort::Status;

constexpr const char* kLibrary = "LATINO_EMULATED_ORT";
constexpr const char* kStream = "user_compute_stream";

struct HostTensor {
  Extent extent;
  std::vector<std::int64_t> lengths;
  int type = 0;
};

/// What is known of ONNX Runtime's objects, whose insides nobody sees.
struct Known {
  std::mutex mutex;
  std::set<const ort::MemoryInfo*> memories;    // of GPUs
  std::map<const ort::Value*, Extent> tensors;  // in such memory
  std::map<const ort::Value*, HostTensor> onHost;
  std::map<const ort::IoBinding*, std::vector<Extent>> bindings;
  std::map<const ort::SessionOptions*, Provider> settings;
  std::map<const ort::Session*, Provider> sessions;
};

Known& known() {
  static auto* const only = new Known;  // sessions may outlive what is static
  return *only;
}

ort::Table* realTable = nullptr;

Provider& providerOf(ort::CudaOptions* options) { return *reinterpret_cast<Provider*>(options); }

/// Work on what is known, which no other thread does meanwhile.
template <class F>
auto inTurn(F work) {
  const std::lock_guard lock(known().mutex);
  return work(known());
}

Status* createMemoryInfo(const char* name, int allocator, int index, int type, ort::MemoryInfo** info) {
  if (std::string(name) != "Cuda") return ort::createMemoryInfo(realTable, name, allocator, index, type, info);
  Status* const failed = ort::createCpuMemoryInfo(realTable, allocator, type, info);
  if (failed == nullptr) inTurn([&](Known& all) { all.memories.insert(*info); });
  return failed;
}

void releaseMemoryInfo(ort::MemoryInfo* info) {
  inTurn([&](Known& all) { all.memories.erase(info); });
  ort::releaseMemoryInfo(realTable, info);
}

Status* createTensor(const ort::MemoryInfo* info, void* data, std::size_t bytes, const std::int64_t* lengths, std::size_t rank, int type,
                     ort::Value** value) {
  Status* const failed = ort::createTensorWithData(realTable, info, data, bytes, lengths, rank, type, value);
  if (failed != nullptr) return failed;
  inTurn([&](Known& all) {
    const bool isOnGpu = all.memories.contains(info);
    if (isOnGpu != DeviceMemory::owns(data))
      broken(isOnGpu ? "the host's memory as a GPU's tensor" : "a GPU's memory as the host's tensor");
    if (isOnGpu)
      all.tensors[*value] = {data, bytes};
    else
      all.onHost[*value] = {{data, bytes}, {lengths, lengths + rank}, type};
  });
  return nullptr;
}

void releaseValue(ort::Value* value) {
  inTurn([&](Known& all) {
    all.tensors.erase(value);
    all.onHost.erase(value);
  });
  ort::releaseValue(realTable, value);
}

Status* createCudaOptions(ort::CudaOptions** options) {
  *options = reinterpret_cast<ort::CudaOptions*>(new Provider);
  return nullptr;
}

/// As ONNX Runtime 1.29: of a stream in words it forgets which.
Status* updateCudaOptions(ort::CudaOptions* options, const char* const* keys, const char* const* values, std::size_t count) {
  Provider& provider = providerOf(options);
  for (std::size_t i = 0; i < count; ++i) {
    if (std::string(keys[i]) == kStream) provider.stream = nullptr;
    provider.options[keys[i]] = values[i];
  }
  return nullptr;
}

Status* updateCudaOptionsWithValue(ort::CudaOptions* options, const char* key, void* value) {
  if (std::string(key) != kStream) return ort::createStatus(realTable, ort::kFail, "Expected user_compute_stream");
  providerOf(options).stream = static_cast<cudaStream_t>(value);
  return nullptr;
}

void releaseCudaOptions(ort::CudaOptions* options) { delete &providerOf(options); }

Status* appendCudaProvider(ort::SessionOptions* settings, const ort::CudaOptions* options) {
  inTurn([&](Known& all) { all.settings[settings] = *reinterpret_cast<const Provider*>(options); });
  return nullptr;
}

Status* addSessionConfigEntry(ort::SessionOptions* settings, const char* key, const char* value) {
  const bool isForProvider = inTurn([&](Known& all) {
    const auto found = all.settings.find(settings);
    const bool isFallback = found != all.settings.end() && std::string(key) == "session.disable_cpu_ep_fallback";
    if (isFallback) found->second.isAlone = std::string(value) == "1";
    return isFallback;
  });
  return isForProvider ? nullptr : ort::addSessionConfigEntry(realTable, settings, key, value);
}

/// The same numbers elsewhere, released with the last that holds what `held` is given.
ort::Value* copyOf(const HostTensor& tensor, std::vector<std::shared_ptr<void>>& held) {
  static ort::MemoryInfo* const host = [] {
    ort::MemoryInfo* info = nullptr;
    ort::createCpuMemoryInfo(realTable, ort::kDeviceAllocator, ort::kDefaultMemory, &info);
    return info;
  }();
  const auto* const first = static_cast<const std::byte*>(tensor.extent.first);
  const auto bytes = std::make_shared<std::vector<std::byte>>(first, first + tensor.extent.bytes);
  ort::Value* value = nullptr;
  ort::createTensorWithData(realTable, host, bytes->data(), bytes->size(), tensor.lengths.data(), tensor.lengths.size(), tensor.type,
                            &value);
  held.emplace_back(value, [bytes](ort::Value* copy) { ort::releaseValue(realTable, copy); });
  return value;
}

/// Weights are taken to the GPU as a session is made: those of the host are looked at no more.
Status* addExternalInitializers(ort::SessionOptions* settings, const char* const* names, const ort::Value* const* values,
                                std::size_t count) {
  std::vector<const ort::Value*> given(values, values + count);
  inTurn([&](Known& all) {
    const auto found = all.settings.find(settings);
    if (found == all.settings.end()) return;
    for (const ort::Value*& value : given) value = copyOf(all.onHost.at(value), found->second.weights);
  });
  return ort::addExternalInitializers(realTable, settings, names, given.data(), count);
}

void releaseSessionOptions(ort::SessionOptions* settings) {
  inTurn([&](Known& all) { all.settings.erase(settings); });
  ort::releaseSessionOptions(realTable, settings);
}

Status* createSession(const ort::Env* environment, const void* model, std::size_t bytes, const ort::SessionOptions* settings,
                      ort::Session** session) {
  Status* const failed = ort::createSessionFromArray(realTable, environment, model, bytes, settings, session);
  if (failed != nullptr) return failed;
  inTurn([&](Known& all) {
    const auto found = all.settings.find(settings);
    if (found == all.settings.end()) return;
    found->second.require();
    all.sessions[*session] = found->second;
  });
  return nullptr;
}

void releaseSession(ort::Session* session) {
  inTurn([&](Known& all) { all.sessions.erase(session); });
  ort::releaseSession(realTable, session);
}

Status* bind(ort::IoBinding* binding, const ort::Value* value, Status* failed) {
  if (failed == nullptr)
    inTurn([&](Known& all) {
      const auto tensor = all.tensors.find(value);
      if (tensor != all.tensors.end()) all.bindings[binding].push_back(tensor->second);
    });
  return failed;
}
Status* bindInput(ort::IoBinding* binding, const char* name, const ort::Value* value) {
  return bind(binding, value, ort::bindInput(realTable, binding, name, value));
}
Status* bindOutput(ort::IoBinding* binding, const char* name, const ort::Value* value) {
  return bind(binding, value, ort::bindOutput(realTable, binding, name, value));
}

void releaseBinding(ort::IoBinding* binding) {
  inTurn([&](Known& all) { all.bindings.erase(binding); });
  ort::releaseIoBinding(realTable, binding);
}

Status* runWithBinding(ort::Session* session, const ort::RunOptions* options, const ort::IoBinding* binding) {
  const Provider* provider = nullptr;
  std::vector<Extent> tensors;
  inTurn([&](Known& all) {
    if (const auto found = all.sessions.find(session); found != all.sessions.end()) provider = &found->second;
    if (const auto found = all.bindings.find(binding); found != all.bindings.end()) tensors = found->second;
  });
  if (provider == nullptr) {
    if (!tensors.empty()) broken("a network for the CPU was given a GPU's memory");
    return ort::runWithBinding(realTable, session, options, binding);
  }
  Status* status = nullptr;
  if (runOnStream(*provider, tensors, [&] { status = ort::runWithBinding(realTable, session, options, binding); })) return status;
  return ort::createStatus(realTable, ort::kFail, "CUDA failure: the device is lost");
}

const ort::ApiBase* realBase() {
  static const ort::ApiBase* const base = [] {
    const char* const path = std::getenv(kLibrary);
    void* const library = path == nullptr ? nullptr : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) broken(std::string("expected ONNX Runtime's library in ") + kLibrary);
    return reinterpret_cast<ort::GetApiBase>(dlsym(library, "OrtGetApiBase"))();
  }();
  return base;
}

ort::Table* tableOf(std::uint32_t version) {
  static const ReplacedTable table = [version] {
    realTable = realBase()->getApi(version);
    ReplacedTable replaced(realTable);
    replaced.replace(ort::createMemoryInfo, createMemoryInfo);
    replaced.replace(ort::releaseMemoryInfo, releaseMemoryInfo);
    replaced.replace(ort::createTensorWithData, createTensor);
    replaced.replace(ort::releaseValue, releaseValue);
    replaced.replace(ort::createCudaOptions, createCudaOptions);
    replaced.replace(ort::updateCudaOptions, updateCudaOptions);
    replaced.replace(ort::updateCudaOptionsWithValue, updateCudaOptionsWithValue);
    replaced.replace(ort::releaseCudaOptions, releaseCudaOptions);
    replaced.replace(ort::appendCudaProvider, appendCudaProvider);
    replaced.replace(ort::addSessionConfigEntry, addSessionConfigEntry);
    replaced.replace(ort::addExternalInitializers, addExternalInitializers);
    replaced.replace(ort::releaseSessionOptions, releaseSessionOptions);
    replaced.replace(ort::createSessionFromArray, createSession);
    replaced.replace(ort::releaseSession, releaseSession);
    replaced.replace(ort::bindInput, bindInput);
    replaced.replace(ort::bindOutput, bindOutput);
    replaced.replace(ort::releaseIoBinding, releaseBinding);
    replaced.replace(ort::runWithBinding, runWithBinding);
    return replaced;
  }();
  return table.get();
}

const char* versionString() { return realBase()->getVersionString(); }

}  // namespace

}  // namespace latino::emulation

extern "C" const void* OrtGetApiBase() {
  static constexpr latino::ort::ApiBase base{latino::emulation::tableOf, latino::emulation::versionString};
  // Whoever opens the library is JavaScript's thread.
  latino::emulation::forbidWaiting(true);
  return &base;
}
