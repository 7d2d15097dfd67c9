// Element types and shapes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace latino {

enum class DType { f32, f16, i64 };

constexpr std::size_t sizeOf(DType dtype) { return dtype == DType::i64 ? 8 : dtype == DType::f32 ? 4 : 2; }
constexpr const char* nameOf(DType dtype) { return dtype == DType::i64 ? "i64" : dtype == DType::f32 ? "f32" : "f16"; }

using Shape = std::vector<std::int64_t>;

/// Throws ShapeError for negative extents and for more elements than can be addressed.
std::int64_t elementCount(const Shape& shape);
std::string toString(const Shape& shape);  // "[1, 3, 128, 128]"

}  // namespace latino
