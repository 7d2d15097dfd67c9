// Pixels and metrics off JavaScript's thread. A picture of 24 million pixels takes 0.1 s to convert and 1.5 s to compare.
#include "addon/arrays.h"
#include "addon/exports.h"
#include "addon/promise.h"
#include "image/metrics.h"
#include "image/pixels.h"
#include "image/upscale.h"

namespace latino::addon {

namespace {

using Info = const Napi::CallbackInfo&;

constexpr std::int64_t kLongestSide = std::int64_t{1} << 24;

std::size_t countFrom(const Napi::Value& value, const char* name, std::int64_t largest) {
  const std::int64_t count = integerFrom(value, name);
  if (count < 1 || count > largest) {
    throw ArgumentError("Expected an integer from 1 to " + std::to_string(largest) + " for " + name + " but received " +
                        std::to_string(count));
  }
  return static_cast<std::size_t>(count);
}

std::size_t channelsFrom(const Napi::Value& value, const char* name) { return countFrom(value, name, 4); }

PictureSize sizeFrom(const Napi::Value& value, const char* name) {
  const Napi::Object size = objectFrom(value, name);
  return {countFrom(size.Get("height"), "height", kLongestSide), countFrom(size.Get("width"), "width", kLongestSide)};
}

template <class Pixel>
Napi::Value pictureFrom(Info info, std::span<const Pixel> pixels) {
  const std::size_t pixelChannels = channelsFrom(info[1], "pixelChannels"), channels = channelsFrom(info[2], "channels");
  const auto picture = newArray<float>(info.Env(), pixels.size() / pixelChannels * channels);
  return inPool(info.Env(), {info[0], picture.value},
                [=, out = picture.elements] { latino::pictureFromPixels(pixels, pixelChannels, out, channels); });
}

Napi::Value pictureFromPixels(Info info) {
  if (info[0].IsTypedArray()) {
    switch (info[0].As<Napi::TypedArray>().TypedArrayType()) {
      case napi_uint8_array:
        return pictureFrom(info, elementsOf<std::uint8_t>(info[0], "pixels"));
      case napi_uint16_array:
        return pictureFrom(info, elementsOf<std::uint16_t>(info[0], "pixels"));
      case napi_float32_array:
        return pictureFrom(info, elementsOf<float>(info[0], "pixels"));
      default:
        break;
    }
  }
  mismatch("a Uint8Array, Uint16Array or Float32Array", "pixels", info[0]);
}

template <class Pixel>
Napi::Value pixelsFrom(Info info) {
  const auto picture = elementsOf<float>(info[0], "picture");
  const std::size_t channels = channelsFrom(info[1], "channels");
  const auto pixels = newArray<Pixel>(info.Env(), picture.size());
  return inPool(info.Env(), {info[0], pixels.value}, [=, out = pixels.elements] { latino::pixelsFromPicture(picture, channels, out); });
}

Napi::Value pixelsFromPicture(Info info) {
  const std::int64_t bits = integerFrom(info[2], "bits");
  if (bits != 8 && bits != 16) throw ArgumentError("Expected 8 or 16 for bits but received " + std::to_string(bits));
  return bits == 8 ? pixelsFrom<std::uint8_t>(info) : pixelsFrom<std::uint16_t>(info);
}

Napi::Value changeChannels(Info info) {
  const auto picture = elementsOf<float>(info[0], "picture");
  const std::size_t channels = channelsFrom(info[1], "channels"), wanted = channelsFrom(info[2], "wanted");
  const auto changed = newArray<float>(info.Env(), picture.size() / channels * wanted);
  return inPool(info.Env(), {info[0], changed.value},
                [=, out = changed.elements] { latino::changeChannels(picture, channels, out, wanted); });
}

Napi::Value allFinite(Info info) {
  const auto isFinite = std::make_shared<bool>();
  return inPool(
      info.Env(), {info[0]}, [values = elementsOf<float>(info[0], "values"), isFinite] { *isFinite = latino::allFinite(values); },
      [isFinite](Napi::Env env) { return Napi::Boolean::New(env, *isFinite); });
}

Napi::Value upscale(Info info) {
  const auto picture = elementsOf<float>(info[0], "picture");
  const PictureSize from = sizeFrom(info[1], "from"), to = sizeFrom(info[2], "to");
  const std::size_t planes = picture.size() / (from.height * from.width);
  const double length = static_cast<double>(planes) * static_cast<double>(to.height) * static_cast<double>(to.width);
  if (length > 1e15) throw ShapeError("Expected a picture that fits in memory but received " + std::to_string(length) + " values");
  const auto enlarged = newArray<float>(info.Env(), planes * to.height * to.width);
  return inPool(info.Env(), {info[0], enlarged.value}, [=, out = enlarged.elements] { latino::upscale(picture, from, out, to); });
}

/// A promise of the number that `compare(a, b)` gives.
template <class Compare>
Napi::Value comparison(Info info, Compare compare) {
  const auto a = elementsOf<float>(info[0], "a"), b = elementsOf<float>(info[1], "b");
  const auto number = std::make_shared<double>();
  return inPool(
      info.Env(), {info[0], info[1]}, [=] { *number = compare(a, b); },
      [number](Napi::Env env) { return Napi::Number::New(env, *number); });
}

}  // namespace

void addImage(Napi::Env env, Napi::Object& exports) {
  add(env, exports, "pictureFromPixels", pictureFromPixels);
  add(env, exports, "pixelsFromPicture", pixelsFromPicture);
  add(env, exports, "changeChannels", changeChannels);
  add(env, exports, "allFinite", allFinite);
  add(env, exports, "upscale", upscale);
  add(env, exports, "psnr", [](Info info) { return comparison(info, latino::psnr); });
  add(env, exports, "ssim",
      [](Info info) { return comparison(info, [size = sizeFrom(info[2], "size")](auto a, auto b) { return latino::ssim(a, b, size); }); });
}

}  // namespace latino::addon
