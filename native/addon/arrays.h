// The memory of JavaScript's typed arrays. Whoever looks at it on another thread keeps the array meanwhile (promise.h, link.h).
#pragma once

#include <napi.h>

#include <cstdint>
#include <span>
#include <string>

#include "addon/convert.h"

namespace latino::addon {

/// How JavaScript names an array, and N-API its type.
struct ArrayKind {
  const char* name;
  napi_typedarray_type type;
};
/// Of arrays of T.
template <class T>
constexpr ArrayKind kArrayOf{};
template <>
inline constexpr ArrayKind kArrayOf<float>{"Float32Array", napi_float32_array};
template <>
inline constexpr ArrayKind kArrayOf<std::uint8_t>{"Uint8Array", napi_uint8_array};
template <>
inline constexpr ArrayKind kArrayOf<std::uint16_t>{"Uint16Array", napi_uint16_array};
template <>
inline constexpr ArrayKind kArrayOf<std::uint32_t>{"Uint32Array", napi_uint32_array};
template <>
inline constexpr ArrayKind kArrayOf<std::int64_t>{"BigInt64Array", napi_bigint64_array};

/// Throws ArgumentError unless the value is an array of just this type.
template <class T>
std::span<const T> elementsOf(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != kArrayOf<T>.type)
    mismatch((std::string("a ") + kArrayOf<T>.name).c_str(), name, value);
  const auto array = value.As<Napi::TypedArrayOf<T>>();
  return {array.Data(), array.ElementLength()};
}

/// An array that native code fills.
template <class T>
struct NewArray {
  Napi::Value value;
  std::span<T> elements;
};

/// Made as JavaScript makes one, which Node's own function for it is not: that ends the process where there is too little memory. The
/// memory is zero and not yet touched. Throws DeviceMemoryError.
template <class T>
NewArray<T> newArray(Napi::Env env, std::size_t length) {
  try {
    const auto constructor = env.Global().Get(kArrayOf<T>.name).template As<Napi::Function>();
    auto array = constructor.New({Napi::Number::New(env, static_cast<double>(length))}).template As<Napi::TypedArrayOf<T>>();
    return {array, {array.Data(), array.ElementLength()}};
  } catch (const Napi::Error&) {
    throw DeviceMemoryError("Expected room in JavaScript for " + std::to_string(length) + " values but there is less");
  }
}

}  // namespace latino::addon
