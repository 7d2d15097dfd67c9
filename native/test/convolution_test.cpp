#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <numeric>
#include <thread>

#include "kernels/elementwise.h"
#include "operators/operator.h"
#include "slow_run.h"
#include "tensor/error.h"
#include "test_device.h"

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
  const auto device = openTestDevice(2);
  const std::int64_t height = kSlowRun ? 9 : 18, width = kSlowRun ? 14 : 30;
  const Tensor x = randn(device, {1, 1, height, width}, 1, 0), z = randn(device, {1, 1, height, width}, 1, 1);
  for (const double sum : {0.01, 1.0, 50.0}) {
    for (const Boundary boundary : {Boundary::reflect, Boundary::replicate, Boundary::zero}) {
      const auto op = makeConvolution(device, tapsOfSum(sum), height, width, 1, boundary);
      const Tensor y = linearCombination(1, op->forward(x), 0.1 * sum, randn(device, x.shape(), 1, 2));
      for (const double gamma : {1e-2, 1.0, 1e2, 1e4, 1e6}) {
        if (kSlowRun && gamma > kSlowGamma) continue;
        if (gamma == 1e6 && (sum != 1 || boundary != Boundary::reflect)) continue;  // hundreds of iterations
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
  const auto device = openTestDevice(1);
  const auto op = makeConvolution(device, tapsOfSum(1), 8, 9, 1, Boundary::reflect);
  const Tensor z = full(device, {1, 1, 8, 9}, DType::f32, 0), y = full(device, {1, 1, 8, 9}, DType::f32, NAN);
  CHECK_THROWS_AS(readFloats(op->prox(z, y, 1)), ConvergenceError);
}

TEST_CASE("with the noise's sigma a proximal point is as exact as can be seen") {
  const auto device = openTestDevice(2);
  const std::int64_t height = kSlowRun ? 10 : 24, width = kSlowRun ? 14 : 36;
  const Shape shape{2, 1, height, width};
  const Tensor x = randn(device, shape, 1, 0), z = linearCombination(1, x, 0.3, randn(device, shape, 1, 1));
  for (const Boundary boundary : {Boundary::reflect, Boundary::replicate, Boundary::zero}) {
    for (const std::int64_t factor : {1, 2}) {
      const auto op = makeConvolution(device, tapsOfSum(1), height, width, factor, boundary);
      const Tensor clean = op->forward(x);
      for (const double sigma : {0.1, 0.02, 0.002}) {
        const Tensor y = linearCombination(1, clean, sigma, randn(device, clean.shape(), 1, 2));
        for (const double gamma : {10.0, 1000.0}) {
          if (kSlowRun && gamma > kSlowGamma) continue;
          CAPTURE(static_cast<int>(boundary));
          CAPTURE(factor);
          CAPTURE(sigma);
          CAPTURE(gamma);
          const Tensor exact = op->prox(z, y, gamma), seen = op->prox(z, y, gamma, {sigma});
          const double error = length(linearCombination(1, seen, -1, exact)) / std::sqrt(static_cast<double>(z.size()));
          CHECK(error < 0.01 * std::min(1.0, std::sqrt(gamma) * sigma));
          CHECK(readFloats(op->prox(z, y, gamma, {sigma, sigma})) == readFloats(seen));
        }
      }
      CHECK_THROWS_AS(op->prox(z, clean, 1, {0}), ArgumentError);
      CHECK_THROWS_AS(op->prox(z, clean, 1, {1, 1, 1}), ShapeError);
    }
  }
  // With next to no noise and a gamma to match, too.
  const auto sharp = makeConvolution(device, tapsOfSum(1), height, width, 1, Boundary::reflect);
  const Tensor blurred = sharp->forward(x);
  if (!kSlowRun)
    CHECK(length(linearCombination(1, sharp->prox(z, blurred, 1e6, {1e-3}), -1, sharp->prox(z, blurred, 1e6))) < 0.01 * length(z));
  // Not by being exact all the same.
  const auto op = makeConvolution(device, tapsOfSum(1), height, width, 1, Boundary::reflect);
  const Tensor y = op->forward(x);
  CHECK(length(linearCombination(1, op->prox(z, y, 300, {0.02}), -1, op->prox(z, y, 300))) > 1e-3);
}

TEST_CASE("where only what is near the border is iterated, the proximal point is as exact") {
  const auto device = openTestDevice(2);
  const auto rms = [](const Tensor& a, const Tensor& b) {
    return length(linearCombination(1, a, -1, b)) / std::sqrt(static_cast<double>(a.size()));
  };
  const std::vector<double> row{0.1, 0.2, 0.4, 0.3};
  for (const Taps& taps : {kSlowRun ? Taps{2, 3, 1, 0, {0.1, 0.2, 0.1, 0.3, 0.2, 0.1}} : tapsOfSum(1), Taps{1, 4, 0, 0, row},
                           Taps{4, 1, 3, 0, row}, Taps{1, 1, 0, 0, {0.7}}}) {
    for (const Boundary boundary : {Boundary::reflect, Boundary::replicate, Boundary::zero}) {
      for (const std::int64_t factor : {1, 3}) {
        // Strips along the borders of what is measured must not cover most of it, or everything is iterated.
        const bool isSmall = kSlowRun && factor == 1;
        const std::int64_t height = isSmall ? 48 : 96, width = isSmall ? 60 : 120;
        const Shape shape{1, 2, height, width};
        const auto op = makeConvolution(device, taps, height, width, factor, boundary);
        const Tensor x = randn(device, shape, 1, 0), z = linearCombination(1, x, 0.3, randn(device, shape, 1, 1)), clean = op->forward(x);
        for (const double gamma : {10.0, 1000.0, 1e5}) {
          if (gamma > (kSlowRun ? kSlowGamma : boundary == Boundary::reflect ? 1e5 : 1e3)) continue;  // hundreds of iterations
          CAPTURE(taps.height);
          CAPTURE(static_cast<int>(boundary));
          CAPTURE(factor);
          CAPTURE(gamma);
          const double sigma = 0.3 / std::sqrt(gamma);
          const Tensor y = linearCombination(1, clean, sigma, randn(device, clean.shape(), 1, 2));
          const Tensor exact = op->prox(z, y, gamma);
          CHECK(rms(op->prox(z, y, gamma, {sigma}), exact) < 0.03 * rms(exact, x));
          // As far as that is asked for, and float32 goes: nothing but the border's iteration decides how far.
          if (gamma < 1e3) CHECK(rms(op->prox(z, y, gamma, {sigma / 10}), exact) < 5e-3 * rms(exact, x));
        }
      }
    }
  }
}

TEST_CASE("conjugate gradients stop when they are cancelled") {
  const auto device = openTestDevice(2);
  const std::int64_t side = 256;
  const auto op = makeConvolution(device, tapsOfSum(1), side, side, 1, Boundary::reflect);
  const auto cancellation = std::make_shared<Cancellation>();
  const std::vector<float> values = readFloats(randn(device, {1, 3, side, side}, 1, 0));
  const Tensor y = upload(device, {1, 3, side, side}, DType::f32, values.data(), cancellation);
  const Tensor prox = op->prox(full(device, y.shape(), DType::f32, 0), y, 1e8);  // thousands of iterations
  std::this_thread::sleep_for(std::chrono::milliseconds(100));                   // in which they begin
  cancellation->cancel();
  CHECK_THROWS_AS(readFloats(prox), CancelledError);
}
