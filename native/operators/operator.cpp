#include "operators/operator.h"

#include "kernels/elementwise.h"
#include "operators/image_shape.h"

namespace latino {

std::int64_t Operator::bytes() const {
  std::int64_t sum = 0;
  for (const Tensor& table : tables()) sum += static_cast<std::int64_t>(table.bytes());
  return sum;
}

Tensor Operator::residual(const Tensor& z, const Tensor& y) const {
  requireShape(y.shape(), measurementShape(z.shape()), "a measurement");
  return linearCombination(1, y, -1, forward(z));
}

}  // namespace latino
