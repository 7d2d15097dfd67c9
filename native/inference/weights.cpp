#include "inference/weights.h"

#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tensor/error.h"

namespace latino {

namespace {

/// Shifts the half's exponent and fraction into a float's place and multiplies by 2^112, which also scales subnormal numbers right.
float fromHalf(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16, magnitude = static_cast<std::uint32_t>(half & 0x7FFFU) << 13;
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112F;
  const std::uint32_t special = magnitude >= 0x0F800000U ? 0x7F800000U | magnitude : std::bit_cast<std::uint32_t>(scaled);
  return std::bit_cast<float>(sign | special);
}

float fromBrain(std::uint16_t brain) { return std::bit_cast<float>(static_cast<std::uint32_t>(brain) << 16); }

std::vector<std::byte> bytesOf(const WeightSource& source, std::size_t count) {
  if (source.path.empty()) {
    if (source.data.size() != count) {
      throw ModelError("Expected " + std::to_string(count) + " bytes for weight " + source.name + " but received " +
                       std::to_string(source.data.size()));
    }
    return source.data;
  }
  const std::filesystem::path path(std::u8string(source.path.begin(), source.path.end()));
  std::error_code failure;
  const std::uintmax_t size = std::filesystem::file_size(path, failure);
  if (failure) throw ModelError("Expected a readable file " + source.path + " for weight " + source.name + " (" + failure.message() + ")");
  // Before memory is taken: a corrupt shape may ask for any amount of it.
  if (count > size || source.offset > size - count) {
    throw ModelError("Expected " + std::to_string(count) + " bytes at " + std::to_string(source.offset) + " of " + source.path +
                     " for weight " + source.name + " but the file has " + std::to_string(size));
  }
  std::vector<std::byte> bytes(count);
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(source.offset));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(count));
  if (!file)
    throw ModelError("Expected " + std::to_string(count) + " bytes at " + std::to_string(source.offset) + " of " + source.path +
                     " for weight " + source.name + " but they cannot be read");
  return bytes;
}

std::size_t elementsOf(const WeightSource& source) {
  try {
    return static_cast<std::size_t>(elementCount(source.shape));
  } catch (const ShapeError&) {
    throw ModelError("Expected a shape that fits in memory for weight " + source.name + " but received " + toString(source.shape));
  }
}

}  // namespace

std::vector<float> readWeight(const WeightSource& source) {
  const std::size_t elements = elementsOf(source);
  if (source.sourceType == "F32") {
    const std::vector<std::byte> bytes = bytesOf(source, 4 * elements);
    std::vector<float> values(elements);
    if (elements > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  if (source.sourceType != "F16" && source.sourceType != "BF16") {
    throw ModelError("Expected F32, F16 or BF16 for weight " + source.name + " but received " + source.sourceType);
  }
  const std::vector<std::byte> bytes = bytesOf(source, 2 * elements);
  std::vector<float> values(elements);
  const bool half = source.sourceType == "F16";
  for (std::size_t i = 0; i < elements; ++i) {
    std::uint16_t narrow = 0;
    std::memcpy(&narrow, bytes.data() + 2 * i, 2);
    values[i] = half ? fromHalf(narrow) : fromBrain(narrow);
  }
  return values;
}

}  // namespace latino
