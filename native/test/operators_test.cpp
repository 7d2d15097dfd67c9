// Properties that every operator promises, whatever its boundary and shape.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <string_view>
#include <thread>

#include "kernels/elementwise.h"
#include "operators/operator.h"
#include "slow_run.h"
#include "tensor/error.h"
#include "test_device.h"
#include "vectors.h"

using namespace latino;

namespace {

constexpr std::int64_t kHeight = 18, kWidth = 30;
const std::vector<double> kLuma{0.3, 0.6, 0.1};

/// A matrix of smoothing rows with irregular weights: no symmetry that could hide a transposition.
SparseMatrix blurring(std::int64_t rows, std::int64_t columns) {
  SparseMatrix matrix{rows, columns, {0}, {}, {}};
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t first = i * columns / rows;
    for (std::int64_t j = first; j < std::min(columns, first + 4); ++j) {
      matrix.indices.push_back(static_cast<std::uint32_t>(j));
      matrix.values.push_back(0.4 - 0.07 * static_cast<double>(j - first) + 0.01 * static_cast<double>(i % 3));
    }
    matrix.starts.push_back(static_cast<std::uint32_t>(matrix.values.size()));
  }
  return matrix;
}

Taps asymmetric() {
  Taps taps{4, 5, 1, 3, {}};
  for (int i = 0; i < 20; ++i) taps.values.push_back((1 + (i * 7) % 11) / 110.0);
  return taps;
}

struct OperatorCase {
  const char* name;
  std::function<std::shared_ptr<Operator>(const std::shared_ptr<Device>&)> make;
};

std::vector<OperatorCase> operatorCases() {
  std::vector<OperatorCase> all{
      {"separable, downsampling", [](auto& d) { return makeSeparable(d, blurring(6, kHeight), blurring(10, kWidth)); }},
      {"separable, square", [](auto& d) { return makeSeparable(d, blurring(kHeight, kHeight), blurring(kWidth, kWidth)); }},
      {"circular", [](auto& d) { return makeCircularConvolution(d, asymmetric(), kHeight, kWidth, 1); }},
      {"circular, factor 3", [](auto& d) { return makeCircularConvolution(d, asymmetric(), kHeight, kWidth, 3); }},
      {"circular, factor 2, kernel larger than the image",
       [](auto& d) {
         return makeCircularConvolution(d, {41, 35, 20, 17, std::vector<double>(41 * 35, 1.0 / (41 * 35))}, kHeight, kWidth, 2);
       }},
      {"identity", [](auto& d) { return makeIdentity(d); }},
      {"channel mix", [](auto& d) { return makeChannelMix(d, kLuma); }},
      {"mask", [](auto& d) {
         std::vector<std::uint8_t> missing(kHeight * kWidth);
         for (std::size_t i = 0; i < missing.size(); i += 3) missing[i] = 1;
         return makeMask(d, kHeight, kWidth, missing);
       }}};
  for (const auto& [name, boundary] : {std::pair{"reflect", Boundary::reflect},
                                       {"replicate", Boundary::replicate},
                                       {"zero", Boundary::zero},
                                       {"circular by CG", Boundary::circular}}) {
    for (const std::int64_t factor : {1, 3}) {
      all.push_back(
          {name, [boundary = boundary, factor](auto& d) { return makeConvolution(d, asymmetric(), kHeight, kWidth, factor, boundary); }});
    }
  }
  return all;
}

}  // namespace

TEST_CASE("adjointness, optimality of the proximal point, and gamma on the device") {
  const auto device = openTestDevice(2);
  const Shape shape{2, 3, kHeight, kWidth};
  for (const OperatorCase& each : operatorCases()) {
    CAPTURE(std::string(each.name));
    const auto op = each.make(device);
    const Tensor x = randn(device, shape, 1, 0), z = randn(device, shape, 1, 1), u = randn(device, op->measurementShape(shape), 1, 2);
    const std::vector<float> ax = readFloats(op->forward(x)), us = readFloats(u);
    CHECK(std::abs(dot(ax, us) - dot(readFloats(x), readFloats(op->adjoint(u)))) < 1e-5 * length(ax) * length(us));
    CHECK(op->imageShape(op->measurementShape(shape)) == shape);

    const Tensor y = linearCombination(1, op->forward(x), 0.1, u);
    for (const double gamma : {1e-2, 1.0, 1e2, 1e4}) {
      if (kSlowRun && gamma > kSlowGamma) continue;
      CAPTURE(gamma);
      const Tensor p = op->prox(z, y, gamma);
      // gamma Aᵀ(A p - y) + p - z = 0, relative to the right-hand side of the normal equations.
      const Tensor gradient = op->adjoint(linearCombination(1, op->forward(p), -1, y)), moved = linearCombination(1, p, -1, z);
      const double scale = gamma * length(readFloats(op->adjoint(y))) + length(readFloats(z));
      CHECK(length(readFloats(linearCombination(gamma, gradient, 1, moved))) < 1e-4 * scale);
      if (gamma != 1e2) continue;
      const std::vector<float> pair{static_cast<float>(gamma), static_cast<float>(gamma)};
      CHECK(readFloats(op->prox(z, y, upload(device, {2}, DType::f32, pair.data()))) == readFloats(p));
      CHECK(readFloats(op->prox(z, y, upload(device, {1}, DType::f32, pair.data()))) == readFloats(p));
    }
  }
}

TEST_CASE("the discrepancy principle leaves a residual of the noise's size") {
  const auto device = openTestDevice(2);
  const Shape shape{2, 3, kHeight, kWidth};
  for (const OperatorCase& each : operatorCases()) {
    if (std::string(each.name) == "mask" || std::string(each.name).find("separable") == std::string::npos) continue;
    const auto op = each.make(device);
    const Tensor z = randn(device, shape, 2, 0), y = op->forward(randn(device, shape, 2, 1));
    const double sigma = 0.05;
    const Tensor p = op->prox(z, y, op->discrepancyGamma(op->residual(z, y), {sigma}));
    const std::vector<float> left = readFloats(norm(linearCombination(1, op->forward(p), -1, y)));
    const double expected = sigma * std::sqrt(static_cast<double>(y.size()) / 2);
    for (const float norm : left) CHECK(norm == doctest::Approx(expected).epsilon(0.02));
  }
}

TEST_CASE("the error variance is the one that made the error") {
  const auto device = openTestDevice(2);
  const std::int64_t height = kSlowRun ? 48 : 96, width = kSlowRun ? 60 : 120;
  const Shape shape{2, 3, height, width};
  std::vector<double> taps(25, 1.0 / 25);
  std::vector all{makeCircularConvolution(device, {5, 5, 2, 2, taps}, height, width, 1),
                  makeSeparable(device, blurring(height / 3, height), blurring(width / 3, width)), makeIdentity(device)};
  if (kSlowRun) all.pop_back();
  for (const auto& op : all) {
    const Tensor x = randn(device, shape, 3, 0);
    const Tensor z = linearCombination(1, x, 0.3, randn(device, shape, 3, 1));
    const Tensor clean = op->forward(x), y = linearCombination(1, clean, 0.02, randn(device, clean.shape(), 3, 2));
    for (const float v : readFloats(op->errorVariance(op->residual(z, y), {0.02}, 1e-4)))
      CHECK(v == doctest::Approx(0.09).epsilon(kSlowRun ? 0.2 : 0.1));
    for (const float v : readFloats(op->errorVariance(op->residual(z, y), {0.02}, 0.5))) CHECK(v == 0.5F);
  }
}

TEST_CASE("images of a batch each have a noise level of their own") {
  const auto device = openTestDevice(2);
  const Shape shape{2, 3, kHeight, kWidth};
  for (const OperatorCase& each : operatorCases()) {
    CAPTURE(std::string(each.name));
    // One operator of each kind: the search is theirs all.
    if (const std::string_view name = each.name;
        kSlowRun && name != "circular" && name != "identity" && name != "mask" && name != "reflect")
      continue;
    const auto op = each.make(device);
    const Tensor z = randn(device, shape, 5, 0), residual = op->residual(z, op->forward(randn(device, shape, 5, 1)));
    const auto second = [](const std::vector<float>& values) { return values[1]; };
    CHECK(second(readFloats(op->errorVariance(residual, {0.1, 0.4}, 1e-4))) ==
          second(readFloats(op->errorVariance(residual, {0.4}, 1e-4))));
    CHECK(second(readFloats(op->discrepancyGamma(residual, {0.1, 0.4}))) == second(readFloats(op->discrepancyGamma(residual, {0.4}))));
    CHECK_THROWS_AS(op->errorVariance(residual, {0.1, 0.4, 0.1}, 1e-4), ShapeError);
  }
}

TEST_CASE("a mask never looks at what it hides") {
  const auto device = openTestDevice(1);
  const std::vector<float> y{1, 2, 3, NAN};
  const auto op = makeMask(device, 2, 2, {0, 0, 0, 255});
  const Tensor z = full(device, {1, 1, 2, 2}, DType::f32, 0.5), measured = upload(device, {1, 1, 2, 2}, DType::f32, y.data());
  CHECK(readFloats(op->prox(z, measured, 1)) == std::vector<float>{0.75F, 1.25F, 1.75F, 0.5F});
}

TEST_CASE("shapes and arguments are checked") {
  const auto device = openTestDevice(1);
  const auto op = makeCircularConvolution(device, asymmetric(), kHeight, kWidth, 3);
  CHECK_THROWS_AS(op->forward(full(device, {1, 3, 17, kWidth}, DType::f32, 0)), ShapeError);
  CHECK_THROWS_AS(makeCircularConvolution(device, asymmetric(), 17, kWidth, 3), ShapeError);
  CHECK_THROWS_AS(makeMask(device, 2, 2, {0, 0, 0}), ShapeError);
  const Tensor z = full(device, {1, 3, kHeight, kWidth}, DType::f32, 0);
  CHECK_THROWS_AS(op->prox(z, op->forward(z), -1.0), ArgumentError);
}

TEST_CASE("the step rules want noise: without it what the operator does not see would decide") {
  const auto device = openTestDevice(1);
  const Shape shape{1, 3, kHeight, kWidth};
  for (const OperatorCase& each : operatorCases()) {
    CAPTURE(std::string(each.name));
    const auto op = each.make(device);
    const Tensor z = full(device, shape, DType::f32, 0), residual = op->residual(z, op->forward(z));
    for (const double sigma : {0.0, -1.0, 1e-200, static_cast<double>(INFINITY), static_cast<double>(NAN)}) {
      CHECK_THROWS_AS(op->errorVariance(residual, {sigma}, 1e-4), ArgumentError);
      CHECK_THROWS_AS(op->discrepancyGamma(residual, {sigma}), ArgumentError);
    }
  }
}

TEST_CASE("an operator may be prepared beforehand, on another thread, and again after that was cancelled") {
  const auto device = openTestDevice(2);
  const Shape shape{1, 3, kHeight, kWidth};
  const Tensor z = randn(device, shape, 6, 0);
  for (const OperatorCase& each : operatorCases()) {
    CAPTURE(std::string(each.name));
    const auto op = each.make(device), prepared = each.make(device);
    const auto cancellation = std::make_shared<Cancellation>();
    cancellation->cancel();
    bool wasCancelled = false;
    std::thread([&] {
      try {
        const CancellationScope scope(cancellation);
        prepared->prepare();
      } catch (const CancelledError&) {
        wasCancelled = true;
      }
      prepared->prepare();
    }).join();
    CHECK(wasCancelled == std::string(each.name).starts_with("separable"));
    const Tensor y = op->forward(z);
    CHECK(readFloats(prepared->prox(z, y, 10)) == readFloats(op->prox(z, y, 10)));
    CHECK(prepared->bytes() == op->bytes());
  }
}
