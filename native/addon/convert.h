// JavaScript values to C++ and back; every mismatch is one sentence with a code.
#pragma once

#include <napi.h>

#include <new>
#include <span>
#include <string>

#include "kernels/scalar.h"
#include "operators/operator.h"
#include "tensor/error.h"
#include "tensor/tensor.h"

namespace latino::addon {

/// A LatinoError with a stable `code`; an Error with one as long as JavaScript has not said what LatinoError is.
Napi::Error makeError(Napi::Env env, const std::exception_ptr& error);

/// Runs body; a C++ exception becomes a JavaScript one, so that nothing escapes into Node.
template <class Body>
auto guarded(Napi::Env env, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw makeError(env, std::current_exception());
  }
}

/// Throws ArgumentError: expected, for what, and what came.
[[noreturn]] void mismatch(const char* expected, const char* name, const Napi::Value& value);

double numberFrom(const Napi::Value& value, const char* name);
std::int64_t integerFrom(const Napi::Value& value, const char* name);
bool booleanFrom(const Napi::Value& value, const char* name);
/// A BigInt of at most 64 bits.
std::int64_t bigIntegerFrom(const Napi::Value& value, const char* name);
/// The property `threads` of an object, 1 to 1024; 0, for every core, where it is undefined.
unsigned threadsFrom(const Napi::Object& options);
/// A number, or an array of numbers.
std::vector<double> numbersFrom(const Napi::Value& value, const char* name);
std::string stringFrom(const Napi::Value& value, const char* name);
Shape shapeFrom(const Napi::Value& value, const char* name);
Napi::Array toArray(Napi::Env env, const Shape& shape);
/// The memory behind a typed array of any kind, shared with other threads or not; valid until JavaScript goes on.
std::span<const std::byte> bytesOf(const Napi::TypedArray& array);
/// A typed array's values in double.
std::vector<double> doublesFrom(const Napi::Value& value, const char* name);
Napi::Object objectFrom(const Napi::Value& value, const char* name);

}  // namespace latino::addon
