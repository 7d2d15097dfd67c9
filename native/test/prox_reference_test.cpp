// The proximal operators against their definition, solved in float64 with the operator as a dense matrix.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "kernels/elementwise.h"
#include "operators/operator.h"
#include "test_device.h"

using namespace latino;

namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

Vector doubles(const Tensor& tensor) {
  const std::vector<float> values = readFloats(tensor);
  return {values.begin(), values.end()};
}

/// Column j is what the operator makes of the j-th unit vector.
Matrix dense(const Operator& op, const std::shared_ptr<Device>& device, const Shape& image) {
  const std::int64_t n = elementCount(image);
  std::vector<float> unit(static_cast<std::size_t>(n * n));
  for (std::int64_t j = 0; j < n; ++j) unit[static_cast<std::size_t>(j * n + j)] = 1;
  const Tensor columns = op.forward(upload(device, {n, image[1], image[2], image[3]}, DType::f32, unit.data()));
  return Matrix{n, columns.size() / n, doubles(columns)}.transposed();
}

Vector times(const Matrix& a, const Vector& x) {
  Vector y(static_cast<std::size_t>(a.rows));
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) y[static_cast<std::size_t>(i)] += a(i, j) * x[static_cast<std::size_t>(j)];
  }
  return y;
}

/// a x + b y
Vector combine(double a, const Vector& x, double b, const Vector& y) {
  Vector sum(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) sum[i] = a * x[i] + b * y[i];
  return sum;
}

/// u of (I + gamma AᵀA) u = z + gamma Aᵀ y by conjugate gradients, without any preconditioner.
Vector solve(const Matrix& a, const Vector& z, const Vector& y, double gamma) {
  const Matrix transposed = a.transposed();
  const auto system = [&](const Vector& u) { return combine(1, u, gamma, times(transposed, times(a, u))); };
  const Vector right = combine(1, z, gamma, times(transposed, y));
  Vector u(z.size()), r = right, p = r;
  double rr = dot(r, r);
  const double target = 1e-24 * rr;
  for (std::size_t iteration = 0; iteration < 50 * z.size() && rr > target; ++iteration) {
    const Vector q = system(p);
    const double alpha = rr / dot(p, q);
    u = combine(1, u, alpha, p);
    r = combine(1, r, -alpha, q);
    const double next = dot(r, r);
    p = combine(1, r, next / rr, p);
    rr = next;
  }
  REQUIRE(rr <= target);
  return u;
}

SparseMatrix smoothing(std::int64_t rows, std::int64_t columns) {
  SparseMatrix matrix{rows, columns, {0}, {}, {}};
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t k = 0; k < 4; ++k) {
      const std::int64_t j = i * columns / rows + k;
      if (j >= columns) continue;
      matrix.indices.push_back(static_cast<std::uint32_t>(j));
      matrix.values.push_back(0.4 - 0.07 * static_cast<double>(k) + 0.01 * (i % 3 == 0));
    }
    matrix.starts.push_back(static_cast<std::uint32_t>(matrix.values.size()));
  }
  return matrix;
}

Taps tapsOf(std::int64_t height, std::int64_t width, double sum = 1) {
  Taps made{height, width, height / 3, width / 2, {}};
  for (std::int64_t i = 0; i < height * width; ++i) made.values.push_back(static_cast<double>(1 + i * 7 % 11));
  const double total = std::accumulate(made.values.begin(), made.values.end(), 0.0);
  for (double& tap : made.values) tap *= sum / total;
  return made;
}

struct ReferenceCase {
  std::string name;
  Shape image;  // [1, C, H, W]
  std::function<std::shared_ptr<Operator>(const std::shared_ptr<Device>&, std::int64_t height, std::int64_t width)> make;
};

std::vector<ReferenceCase> referenceCases() {
  const auto maskOf = [](auto& device, std::int64_t h, std::int64_t w) {
    std::vector<std::uint8_t> missing(static_cast<std::size_t>(h * w));
    for (std::size_t i = 0; i < missing.size(); i += 3) missing[i] = 1;
    return makeMask(device, h, w, missing);
  };
  const auto mix = [](auto& device, std::int64_t, std::int64_t) { return makeChannelMix(device, {0.3, 0.6, 0.1}); };
  std::vector<ReferenceCase> all{
      {"identity", {1, 2, 3, 5}, [](auto& device, auto, auto) { return makeIdentity(device); }},
      {"mask", {1, 1, 7, 9}, maskOf},
      {"channel mix", {1, 3, 3, 5}, mix},
      {"separable, downsampling", {1, 1, 8, 9}, [](auto& d, auto h, auto w) { return makeSeparable(d, smoothing(2, h), smoothing(3, w)); }},
      {"separable, one row", {1, 1, 1, 9}, [](auto& d, auto h, auto w) { return makeSeparable(d, smoothing(1, h), smoothing(3, w)); }},
      {"separable, square", {1, 1, 7, 9}, [](auto& d, auto h, auto w) { return makeSeparable(d, smoothing(h, h), smoothing(w, w)); }},
      {"circular, even by odd", {1, 1, 8, 9}, [](auto& d, auto h, auto w) { return makeCircularConvolution(d, tapsOf(3, 4), h, w, 1); }},
      {"circular, one column", {1, 1, 9, 1}, [](auto& d, auto h, auto w) { return makeCircularConvolution(d, tapsOf(3, 2), h, w, 1); }},
      {"circular, larger than the image",
       {1, 1, 5, 7},
       [](auto& d, auto h, auto w) { return makeCircularConvolution(d, tapsOf(11, 9), h, w, 1); }},
      {"circular, factor 3", {1, 1, 6, 9}, [](auto& d, auto h, auto w) { return makeCircularConvolution(d, tapsOf(3, 4), h, w, 3); }},
      {"circular, factor 2", {1, 1, 6, 10}, [](auto& d, auto h, auto w) { return makeCircularConvolution(d, tapsOf(4, 5, 3), h, w, 2); }}};
  for (const auto& [name, boundary] : {std::pair{"reflect", Boundary::reflect},
                                       {"replicate", Boundary::replicate},
                                       {"zero", Boundary::zero},
                                       {"circular by conjugate gradients", Boundary::circular}}) {
    for (const auto& [shape, factor] :
         {std::pair<Shape, std::int64_t>{{1, 1, 8, 9}, 1}, {{1, 1, 7, 5}, 1}, {{1, 1, 1, 9}, 1}, {{1, 1, 6, 9}, 3}}) {
      for (const double sum : {1.0, 20.0}) {
        all.push_back({std::string(name) + " " + toString(shape) + ", factor " + std::to_string(factor) + ", sum " + std::to_string(sum),
                       shape, [boundary = boundary, factor = factor, sum](auto& d, auto h, auto w) {
                         return makeConvolution(d, tapsOf(3, 4, sum), h, w, factor, boundary);
                       }});
      }
    }
  }
  return all;
}

}  // namespace

TEST_CASE("forward, adjoint and proximal point agree with the dense operator in float64") {
  const auto device = openTestDevice(1);
  for (const ReferenceCase& each : referenceCases()) {
    CAPTURE(each.name);
    const auto op = each.make(device, each.image[2], each.image[3]);
    const Matrix a = dense(*op, device, each.image);
    const Tensor z = randn(device, each.image, 1, 0), u = randn(device, op->measurementShape(each.image), 1, 1);
    const Tensor y = linearCombination(1, op->forward(randn(device, each.image, 1, 2)), 0.01, u);
    const auto distance = [](const Vector& got, const Vector& want) {
      const Vector difference = combine(1, got, -1, want);
      return std::sqrt(dot(difference, difference) / dot(want, want));
    };
    CHECK(distance(doubles(op->forward(z)), times(a, doubles(z))) < 1e-6);
    CHECK(distance(doubles(op->adjoint(u)), times(a.transposed(), doubles(u))) < 1e-6);
    for (const double gamma : {1e-2, 1.0, 1e2, 1e4}) {
      CAPTURE(gamma);
      CHECK(distance(doubles(op->prox(z, y, gamma)), solve(a, doubles(z), doubles(y), gamma)) < 2e-5);
    }
  }
}
