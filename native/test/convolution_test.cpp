#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "cpu/cpu_device.h"
#include "kernels/elementwise.h"
#include "operators/operator.h"
#include "tensor/error.h"

using namespace latino;

namespace {

double length(const Tensor& a) {
  const std::vector<float> values = readFloats(a);
  return std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0));
}

/// Irregular taps that sum to `sum`.
Taps tapsOfSum(double sum) {
  Taps taps{4, 5, 1, 3, {}};
  for (int i = 0; i < 20; ++i) taps.values.push_back((1 + (i * 7) % 11) / 116.0 * sum);
  return taps;
}

}  // namespace

TEST_CASE("the proximal point of a convolution is optimal whatever the kernel sums to") {
  const auto device = openCpuDevice(2);
  const std::int64_t height = 18, width = 30;
  const Tensor x = randn(device, {1, 1, height, width}, 1, 0), z = randn(device, {1, 1, height, width}, 1, 1);
  for (const double sum : {0.01, 1.0, 50.0}) {
    for (const Boundary boundary : {Boundary::reflect, Boundary::replicate, Boundary::zero}) {
      const auto op = makeConvolution(device, tapsOfSum(sum), height, width, 1, boundary);
      const Tensor y = linearCombination(1, op->forward(x), 0.1 * sum, randn(device, x.shape(), 1, 2));
      for (const double gamma : {1e-2, 1.0, 1e2, 1e4, 1e6}) {
        CAPTURE(sum);
        CAPTURE(static_cast<int>(boundary));
        CAPTURE(gamma);
        const Tensor p = op->prox(z, y, gamma);
        const Tensor gradient = op->adjoint(linearCombination(1, op->forward(p), -1, y)), moved = linearCombination(1, p, -1, z);
        // Backward error: where gamma makes the point large, its own rounding to float32 leaves a gradient.
        const double scale = gamma * (length(op->adjoint(y)) + sum * sum * length(p)) + length(z) + length(p);
        CHECK(length(linearCombination(gamma, gradient, 1, moved)) < 1e-6 * scale);
      }
    }
  }
}

TEST_CASE("conjugate gradients that do not converge are an error, not a wrong result") {
  const auto device = openCpuDevice(1);
  const auto op = makeConvolution(device, tapsOfSum(1), 8, 9, 1, Boundary::reflect);
  const Tensor z = full(device, {1, 1, 8, 9}, DType::f32, 0), y = full(device, {1, 1, 8, 9}, DType::f32, NAN);
  CHECK_THROWS_AS(readFloats(op->prox(z, y, 1)), ConvergenceError);
}
