#include "addon/convert.h"

#include <cmath>

#include "addon/wraps.h"

namespace latino::addon {

namespace {

std::string describe(const Napi::Value& value) {
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return "a boolean";
    case napi_number:
      return value.ToString().Utf8Value();
    case napi_string:
      return "'" + value.ToString().Utf8Value() + "'";
    case napi_function:
      return "a function";
    default:
      return value.IsArray() ? "an array" : value.IsTypedArray() ? "a typed array of another kind" : "an object of another kind";
  }
}

}  // namespace

void mismatch(const char* expected, const char* name, const Napi::Value& value) {
  throw ArgumentError(std::string("Expected ") + expected + " for " + name + " but received " + describe(value));
}

Napi::Error makeError(Napi::Env env, const std::exception_ptr& error) {
  const auto make = [env](const char* code, const char* message) {
    const Napi::FunctionReference& LatinoError = env.GetInstanceData<Classes>()->error;
    if (!LatinoError.IsEmpty()) return Napi::Error(env, LatinoError.New({Napi::String::New(env, code), Napi::String::New(env, message)}));
    Napi::Error made = Napi::Error::New(env, message);
    made.Set("code", Napi::String::New(env, code));
    return made;
  };
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    return make(known.code(), known.what());
  } catch (const std::bad_alloc&) {
    return make("ERR_LATINO_DEVICE_MEMORY", "Expected more free memory than there is");
  } catch (const std::exception& other) {
    return make("ERR_LATINO_RUNTIME", other.what());
  }
}

double numberFrom(const Napi::Value& value, const char* name) {
  if (!value.IsNumber()) mismatch("a number", name, value);
  return value.As<Napi::Number>().DoubleValue();
}

std::int64_t integerFrom(const Napi::Value& value, const char* name) {
  const double number = numberFrom(value, name);
  if (number != std::floor(number) || std::abs(number) > 9007199254740991.0) mismatch("an integer", name, value);
  return static_cast<std::int64_t>(number);
}

bool booleanFrom(const Napi::Value& value, const char* name) {
  if (!value.IsBoolean()) mismatch("a boolean", name, value);
  return value.As<Napi::Boolean>().Value();
}

std::int64_t bigIntegerFrom(const Napi::Value& value, const char* name) {
  bool isExact = false;
  const std::int64_t integer = value.IsBigInt() ? value.As<Napi::BigInt>().Int64Value(&isExact) : 0;
  if (!isExact) mismatch("a BigInt of 64 bits", name, value);
  return integer;
}

unsigned threadsFrom(const Napi::Object& options) {
  const Napi::Value value = options.Get("threads");
  if (value.IsUndefined()) return 0;
  const double threads = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
  if (!(threads >= 1 && threads <= 1024 && threads == std::floor(threads))) mismatch("an integer from 1 to 1024", "threads", value);
  return static_cast<unsigned>(threads);
}

std::vector<double> numbersFrom(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) return {numberFrom(value, name)};
  const auto array = value.As<Napi::Array>();
  std::vector<double> numbers;
  for (std::uint32_t i = 0; i < array.Length(); ++i) numbers.push_back(numberFrom(array.Get(i), name));
  return numbers;
}

std::string stringFrom(const Napi::Value& value, const char* name) {
  if (!value.IsString()) mismatch("a string", name, value);
  return value.As<Napi::String>().Utf8Value();
}

Napi::Object objectFrom(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) mismatch("an object", name, value);
  return value.As<Napi::Object>();
}

Shape shapeFrom(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) mismatch("an array of integers", name, value);
  const auto array = value.As<Napi::Array>();
  Shape shape;
  double elements = 1;
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    shape.push_back(integerFrom(array.Get(i), name));
    if (shape.back() < 0)
      throw ShapeError(std::string("Expected extents of 0 or more for ") + name + " but received " + std::to_string(shape.back()));
    elements *= static_cast<double>(shape.back());
  }
  if (elements > 1e15)
    throw ShapeError(std::string("Expected a shape that fits in memory for ") + name + " but received " + toString(shape));
  return shape;
}

Napi::Array toArray(Napi::Env env, const Shape& shape) {
  Napi::Array array = Napi::Array::New(env, shape.size());
  for (std::uint32_t i = 0; i < shape.size(); ++i) array.Set(i, Napi::Number::New(env, static_cast<double>(shape[i])));
  return array;
}

std::span<const std::byte> bytesOf(const Napi::TypedArray& array) {
  // Not by its ArrayBuffer(), which shared memory has none of.
  return {reinterpret_cast<const std::byte*>(array.As<Napi::Uint8Array>().Data()), array.ByteLength()};
}

std::vector<double> doublesFrom(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray()) mismatch("a Float32Array or Float64Array", name, value);
  const auto array = value.As<Napi::TypedArray>();
  if (array.TypedArrayType() == napi_float64_array) {
    const auto doubles = value.As<Napi::Float64Array>();
    return {doubles.Data(), doubles.Data() + doubles.ElementLength()};
  }
  if (array.TypedArrayType() != napi_float32_array) mismatch("a Float32Array or Float64Array", name, value);
  const auto floats = value.As<Napi::Float32Array>();
  return {floats.Data(), floats.Data() + floats.ElementLength()};
}

}  // namespace latino::addon
