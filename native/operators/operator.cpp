#include "operators/operator.h"

#include "kernels/elementwise.h"
#include "operators/image_shape.h"

namespace latino {

Tensor Operator::residual(const Tensor& z, const Tensor& y) const {
  requireShape(y.shape(), measurementShape(z.shape()), "a measurement");
  return linearCombination(1, y, -1, forward(z));
}

}  // namespace latino
