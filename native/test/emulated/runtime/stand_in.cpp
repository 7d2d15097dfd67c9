// A library that answers as ONNX Runtime's API does, computes nothing, and remembers what a session is given for its GPU.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

void* computeStream = nullptr;

/// For whatever is called: no error, and a handle that nobody looks into.
void* succeed() { return nullptr; }

/// As ONNX Runtime 1.29: of a stream in words it forgets which.
void* updateCudaOptions(void*, const char* const* keys, const char* const*, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (std::strcmp(keys[i], "user_compute_stream") == 0) computeStream = nullptr;
  return nullptr;
}

void* updateCudaOptionsWithValue(void*, const char* key, void* value) {
  if (std::strcmp(key, "user_compute_stream") == 0) computeStream = value;
  return nullptr;
}

void* const* table(std::uint32_t) {
  static const auto functions = [] {
    std::array<void*, 400> all{};
    all.fill(reinterpret_cast<void*>(succeed));
    all[206] = reinterpret_cast<void*>(updateCudaOptions);
    all[263] = reinterpret_cast<void*>(updateCudaOptionsWithValue);
    return all;
  }();
  return functions.data();
}

const char* version() { return "1.29.0"; }

}  // namespace

extern "C" {

const void* OrtGetApiBase() {
  static constexpr struct {
    void* const* (*getApi)(std::uint32_t);
    const char* (*getVersion)();
  } base{table, version};
  return &base;
}

void* givenComputeStream() { return computeStream; }
}
