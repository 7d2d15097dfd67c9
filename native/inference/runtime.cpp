#include "inference/runtime.h"

#include <dlfcn.h>

#include <cstdlib>
#include <mutex>
#include <string_view>

#include "inference/provider.h"
#include "inference/session.h"

namespace latino {

namespace {

struct Runtime {
  ort::Table* table = nullptr;
  ort::Env* environment = nullptr;
  std::string path, version;
};

Runtime& runtime() {
  // Never destroyed: sessions may outlive static destruction, and the library is not unloaded.
  static auto* instance = new Runtime;
  return *instance;
}

std::mutex openMutex;

ort::GetApiBase entryPoint(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw RuntimeError("Expected the ONNX Runtime library at " + path + " but it cannot be loaded: " + dlerror());
  return reinterpret_cast<ort::GetApiBase>(dlsym(library, "OrtGetApiBase"));
}

/// ONNX Runtime 1.29 and newer tells its maker of every session. Off, before its library is opened, unless the user wants it on.
bool disableTelemetry() {
  constexpr const char* kVariable = "ORT_DISABLE_TELEMETRY";
  // Natively: what a worker of Node sets in process.env does not reach the library.
  const char* value = std::getenv(kVariable);
  if (value != nullptr) return std::string_view(value) != "0" && std::string_view(value) != "false";
  setenv(kVariable, "1", 0);
  return true;
}

}  // namespace

void openRuntime(const std::string& path) {
  const std::lock_guard lock(openMutex);
  Runtime& opened = runtime();
  if (opened.table != nullptr) {
    if (opened.path != path) throw RuntimeError("Expected one ONNX Runtime per process, " + opened.path + ", but received " + path);
    return;
  }
  const bool isSilent = disableTelemetry();
  const ort::GetApiBase getApiBase = entryPoint(path);
  if (getApiBase == nullptr) throw RuntimeError("Expected the ONNX Runtime library at " + path + " but it has no OrtGetApiBase");
  const ort::ApiBase* base = getApiBase();
  ort::Table* table = base->getApi(ort::kApiVersion);
  if (table == nullptr)
    throw RuntimeError(std::string("Expected ONNX Runtime 1.22 or newer but ") + path + " is " + base->getVersionString());
  opened.table = table;
  try {
    // What fails is thrown with its message; a line of the library's own beside it would be noise.
    ort::check<RuntimeError>(ort::createEnv(table, ort::kLogFatal, "latino", &opened.environment));
    if (isSilent) ort::check<RuntimeError>(ort::disableTelemetry(table, opened.environment));
    registerAllocators(opened.environment);
  } catch (...) {
    opened = {};  // which leaks an environment that nobody can use
    throw;
  }
  opened.path = path;
  opened.version = base->getVersionString();
}

std::string runtimeVersion() {
  const std::lock_guard lock(openMutex);
  return runtime().version;
}

ort::Table* ort::table() {
  if (runtime().table == nullptr) throw RuntimeError("Expected openRuntime to be called before ONNX Runtime is used");
  return runtime().table;
}

ort::OwnedMemoryInfo ort::hostMemory(AllocatorType allocator) {
  MemoryInfo* info = nullptr;
  check<RuntimeError>(createCpuMemoryInfo(table(), allocator, kDefaultMemory, &info));
  return OwnedMemoryInfo(info);
}

ort::Env* ort::environment() {
  table();
  return runtime().environment;
}

}  // namespace latino
