#include "tensor/shape.h"

#include <algorithm>
#include <limits>

#include "tensor/error.h"

namespace latino {

std::int64_t elementCount(const Shape& shape) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  // Bytes of the widest element must be countable, too.
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 8;
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0 || count > most / extent) throw ShapeError("Expected a shape that fits in memory but received " + toString(shape));
    count *= extent;
  }
  return count;
}

std::string toString(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace latino
