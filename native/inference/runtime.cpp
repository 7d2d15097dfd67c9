#include "inference/runtime.h"

#include <mutex>

#include "inference/session.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

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
#ifdef _WIN32
  const int length = MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0);
  std::wstring wide(static_cast<std::size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, wide.data(), length);
  const HMODULE library = LoadLibraryExW(wide.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (library == nullptr) throw RuntimeError("Expected the ONNX Runtime library at " + path + " but it cannot be loaded");
  return reinterpret_cast<ort::GetApiBase>(GetProcAddress(library, "OrtGetApiBase"));
#else
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw RuntimeError("Expected the ONNX Runtime library at " + path + " but it cannot be loaded: " + dlerror());
  return reinterpret_cast<ort::GetApiBase>(dlsym(library, "OrtGetApiBase"));
#endif
}

ort::Env* createEnvironment(ort::Table* table) {
  const auto check = [table](ort::Status* status) {
    if (status == nullptr) return;
    const std::string message = ort::getErrorMessage(table, status);
    ort::releaseStatus(table, status);
    throw RuntimeError(message);
  };
  ort::Env* environment = nullptr;
  // What fails is thrown with its message; a line of the library's own beside it would be noise.
  check(ort::createEnv(table, ort::kLogFatal, "latino", &environment));
  // One arena for all sessions, which run in turn: what one network has given back, the next may have.
  ort::MemoryInfo* memory = nullptr;
  check(ort::createCpuMemoryInfo(table, ort::kArenaAllocator, ort::kDefaultMemory, &memory));
  ort::Status* registered = ort::createAndRegisterAllocator(table, environment, memory, nullptr);
  ort::releaseMemoryInfo(table, memory);
  check(registered);
  return environment;
}

}  // namespace

void openRuntime(const std::string& path) {
  const std::lock_guard lock(openMutex);
  Runtime& opened = runtime();
  if (opened.table != nullptr) {
    if (opened.path != path) throw RuntimeError("Expected one ONNX Runtime per process, " + opened.path + ", but received " + path);
    return;
  }
  const ort::GetApiBase getApiBase = entryPoint(path);
  if (getApiBase == nullptr) throw RuntimeError("Expected the ONNX Runtime library at " + path + " but it has no OrtGetApiBase");
  const ort::ApiBase* base = getApiBase();
  ort::Table* table = base->getApi(ort::kApiVersion);
  if (table == nullptr)
    throw RuntimeError(std::string("Expected ONNX Runtime 1.12 or newer but ") + path + " is " + base->getVersionString());
  opened = {table, createEnvironment(table), path, base->getVersionString()};
}

std::string runtimeVersion() {
  const std::lock_guard lock(openMutex);
  return runtime().version;
}

ort::Table* ort::table() {
  if (runtime().table == nullptr) throw RuntimeError("Expected openRuntime to be called before ONNX Runtime is used");
  return runtime().table;
}

ort::Env* ort::environment() {
  table();
  return runtime().environment;
}

}  // namespace latino
