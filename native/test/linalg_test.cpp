#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <numeric>

#include "kernels/elementwise.h"
#include "linalg/banded.h"
#include "linalg/fft.h"
#include "rounding.h"
#include "tensor/error.h"
#include "test_device.h"
#include "vectors.h"

using namespace latino;

namespace {

using Complex = std::complex<double>;

const Shape kPlanes[] = {{1, 1}, {1, 8}, {5, 1}, {2, 2}, {8, 9}, {7, 6}, {13, 11}, {16, 20}, {17, 10}, {9, 23}};

/// Every small length, primes among them, products of every radix, and large primes.
std::vector<std::int64_t> lengths() {
  std::vector<std::int64_t> all(64);
  std::iota(all.begin(), all.end(), 1);
  all.insert(all.end(), {4 * 11 * 13, 25 * 27, 343, 1009, 1018, 2039});
  return all;
}

/// Coefficient (u, v) of the unscaled transform, by its definition.
Complex coefficient(const std::vector<float>& x, std::int64_t height, std::int64_t width, std::int64_t u, std::int64_t v) {
  Complex sum = 0;
  for (std::int64_t i = 0; i < height; ++i) {
    for (std::int64_t j = 0; j < width; ++j) {
      const double turns =
          static_cast<double>(u * i) / static_cast<double>(height) + static_cast<double>(v * j) / static_cast<double>(width);
      sum += static_cast<double>(x[static_cast<std::size_t>(i * width + j)]) * std::polar(1.0, -2 * std::numbers::pi * turns);
    }
  }
  return sum;
}

/// A sum in double, to hold a float32 one against.
struct Sum {
  double value = 0, magnitude = 0;
  std::int64_t terms = 0;

  void add(double term) {
    value += term;
    magnitude += std::abs(term);
    terms += term == 0 ? 0 : 1;
  }
  /// The error of `got` in parts of what rounding explains: more than 1 is a wrong sum.
  double excess(double got) const {
    const double error = std::abs(got - value);
    return error == 0 ? 0 : error / roundingOfSum(terms, magnitude);
  }
};

/// Bound of the error of one coefficient of an orthonormal transform of a plane of this length, some roundings for each halving of its
/// sides (Higham 2002, chapter 24).
double roundingOfTransform(std::int64_t height, std::int64_t width, double planeLength) {
  return 8 * (1 + std::log2(static_cast<double>(height * width))) * 0x1p-24 * planeLength;
}

Matrix irregular(std::int64_t rows, std::int64_t columns) {
  Matrix matrix{rows, columns, {}};
  for (std::int64_t i = 0; i < rows * columns; ++i) matrix.values.push_back(std::sin(static_cast<double>(i * i + 1)));
  return matrix;
}

}  // namespace

TEST_CASE("the real transform agrees with its definition, plane by plane") {
  const auto device = openTestDevice(2);
  for (const Shape& plane : kPlanes) {
    CAPTURE(toString(plane));
    const std::int64_t height = plane[0], width = plane[1], half = halfWidth(width), planes = 3;
    const Tensor x = randn(device, {planes, height, width}, 5, 0), spectrum(device, {planes, height, half, 2});
    submit({x}, {spectrum}, [=] { rfft2(x.device(), planes, height, width, x.data<float>(), spectrum.data<float>()); });
    const std::vector<float> values = readFloats(x), got = readFloats(spectrum);
    const double scale = 1 / std::sqrt(static_cast<double>(height * width));
    for (std::int64_t p = 0; p < planes; ++p) {
      const auto first = values.begin() + p * height * width;
      const std::vector<float> own(first, first + height * width);
      const std::vector<Complex> host = hostTransfer(height, width, {own.begin(), own.end()});
      for (std::int64_t u = 0; u < height; ++u) {
        for (std::int64_t v = 0; v < half; ++v) {
          const Complex want = coefficient(own, height, width, u, v);
          const auto at = static_cast<std::size_t>(2 * ((p * height + u) * half + v));
          CHECK(std::abs(Complex(got[at], got[at + 1]) - scale * want) < roundingOfTransform(height, width, length(own)));
          CHECK(std::abs(host[static_cast<std::size_t>(u * half + v)] - want) < 1e-12 * static_cast<double>(height * width));
        }
      }
    }
  }
}

TEST_CASE("transforms of any length are as accurate as double allows") {
  for (const std::int64_t n : lengths()) {
    CAPTURE(n);
    std::vector<double> x;
    for (std::int64_t i = 0; i < n; ++i) x.push_back(std::sin(static_cast<double>(i * i + 1)));
    const double length = std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
    // Alone in a row, where it is a real sequence, and in a column, where it is a complex one.
    const std::vector<Complex> row = hostTransfer(1, n, x), column = hostTransfer(n, 1, x);
    std::vector<std::complex<long double>> roots;
    for (std::int64_t i = 0; i < n; ++i)
      roots.push_back(std::polar(1.0L, -2 * std::numbers::pi_v<long double> * static_cast<long double>(i) / static_cast<long double>(n)));
    double worst = 0;
    for (std::int64_t k = 0; k < n; ++k) {
      std::complex<long double> want = 0;
      for (std::int64_t i = 0; i < n; ++i)
        want += static_cast<long double>(x[static_cast<std::size_t>(i)]) * roots[static_cast<std::size_t>(k * i % n)];
      const Complex rounded(static_cast<double>(want.real()), static_cast<double>(want.imag()));
      worst = std::max(worst, std::abs(column[static_cast<std::size_t>(k)] - rounded));
      if (k < halfWidth(n)) worst = std::max(worst, std::abs(row[static_cast<std::size_t>(k)] - rounded));
    }
    // Bluestein's chirps and three transforms of twice the length cost a few roundings more.
    CHECK(worst < 64 * (1 + std::log2(static_cast<double>(n))) * 0x1p-53 * length);
  }
}

namespace {

struct FramedCase {
  Extent size, frame;
};

/// Half spectra that are multiplied on the host.
std::vector<float> weighted(std::vector<float> spectra, const std::vector<float>& weights) {
  for (std::size_t i = 0; i < spectra.size(); ++i) spectra[i] *= weights[i / 2 % weights.size()];
  return spectra;
}

}  // namespace

TEST_CASE("a filter in a frame is transforms of the frame and weights between them") {
  const auto device = openTestDevice(2);
  for (const FramedCase& each : {FramedCase{{1, 1}, {1, 1}}, {{5, 7}, {8, 9}}, {{40, 70}, {48, 80}}, {{37, 66}, {37, 66}}}) {
    const Extent size = each.size, frame = each.frame;
    const std::int64_t planes = 2, half = halfWidth(frame.width);
    CAPTURE(size.height);
    std::vector<float> weights = readFloats(randn(device, {frame.height, half}, 3, 1));
    // Weights make a real plane of a real one where they are the same for a frequency and its negative.
    for (std::int64_t u = 1; u < frame.height; ++u) {
      for (const std::int64_t v : {std::int64_t{0}, half - 1}) {
        weights[static_cast<std::size_t>(u * half + v)] = weights[static_cast<std::size_t>(std::min(u, frame.height - u) * half + v)];
      }
    }
    const Tensor w = upload(device, {frame.height, half}, DType::f32, weights.data());
    for (const Extent depth : {size, Extent{3, 5}}) {
      const auto isNear = [=](std::int64_t i, std::int64_t j) {
        return i < depth.height || i >= size.height - depth.height || j < depth.width || j >= size.width - depth.width;
      };
      const auto inPlane = [=](std::int64_t p, std::int64_t i, std::int64_t j) {
        return static_cast<std::size_t>((p * size.height + i) * size.width + j);
      };
      const auto inFrame = [=](std::int64_t p, std::int64_t i, std::int64_t j) {
        return static_cast<std::size_t>((p * frame.height + i) * frame.width + j);
      };
      std::vector<float> values = readFloats(randn(device, {planes, size.height, size.width}, 3, 0));
      std::vector<float> framed(static_cast<std::size_t>(planes * frame.height * frame.width));
      for (std::int64_t p = 0; p < planes; ++p) {
        for (std::int64_t i = 0; i < size.height; ++i) {
          for (std::int64_t j = 0; j < size.width; ++j) {
            if (!isNear(i, j)) values[inPlane(p, i, j)] = 0;
            framed[inFrame(p, i, j)] = values[inPlane(p, i, j)];
          }
        }
      }
      const Tensor x = upload(device, {planes, size.height, size.width}, DType::f32, values.data()), z(device, x.shape()),
                   f = upload(device, {planes, frame.height, frame.width}, DType::f32, framed.data()), want(device, f.shape()),
                   spectrum(device, {planes, frame.height, half, 2});
      submit({x, w}, {z},
             [=] { filterInFrame(z.device(), planes, size, frame, w.data<float>(), x.data<float>(), z.data<float>(), depth); });
      submit({f}, {spectrum}, [=] { rfft2(f.device(), planes, frame.height, frame.width, f.data<float>(), spectrum.data<float>()); });
      const Tensor product = upload(device, spectrum.shape(), DType::f32, weighted(readFloats(spectrum), weights).data());
      submit({product}, {want}, [=] { irfft2(f.device(), planes, frame.height, frame.width, product.data<float>(), want.data<float>()); });
      const std::vector<float> got = readFloats(z), expected = readFloats(want);
      for (std::int64_t p = 0; p < planes; ++p) {
        for (std::int64_t i = 0; i < size.height; ++i) {
          for (std::int64_t j = 0; j < size.width; ++j) {
            if (isNear(i, j)) CHECK(got[inPlane(p, i, j)] == doctest::Approx(expected[inFrame(p, i, j)]).epsilon(1e-5).scale(10));
          }
        }
      }
    }
  }
}

TEST_CASE("transforms run side by side on several devices") {
  std::vector<std::shared_ptr<Device>> devices;
  for (int i = 0; i < 3; ++i) devices.push_back(openTestDevice(2));
  std::vector<Tensor> spectra;
  for (const auto& device : devices) {
    for (const std::int64_t n : lengths()) {
      const Tensor x = randn(device, {1, 3, n}, 4, 0), spectrum(device, {1, 3, halfWidth(n), 2});
      submit({x}, {spectrum}, [=] { rfft2(x.device(), 1, 3, n, x.data<float>(), spectrum.data<float>()); });
      spectra.push_back(spectrum);
    }
  }
  const std::size_t each = spectra.size() / devices.size();
  for (std::size_t i = 0; i < each; ++i) {
    CHECK(readFloats(spectra[i]) == readFloats(spectra[each + i]));
    CHECK(readFloats(spectra[i]) == readFloats(spectra[2 * each + i]));
  }
}

TEST_CASE("a length that transforms are fast at") {
  CHECK(fastLength(1) == 8);
  CHECK(fastLength(1024) == 1024);
  CHECK(fastLength(1025) == 1080);  // not 1032 to 1072, which have a larger prime each
}

TEST_CASE("the inverse transform undoes the transform, and a half spectrum's parts that no real plane has count for nothing") {
  const auto device = openTestDevice(2);
  for (const Shape& plane : kPlanes) {
    CAPTURE(toString(plane));
    const std::int64_t height = plane[0], width = plane[1], planes = 3;
    const Tensor x = randn(device, {planes, height, width}, 6, 0), spectrum(device, {planes, height, halfWidth(width), 2}),
                 back(device, x.shape());
    submit({x}, {spectrum}, [=] { rfft2(x.device(), planes, height, width, x.data<float>(), spectrum.data<float>()); });
    submit({spectrum}, {back}, [=] { irfft2(back.device(), planes, height, width, spectrum.data<float>(), back.data<float>()); });
    const std::vector<float> want = readFloats(x), got = readFloats(back);
    const double bound = 2 * roundingOfTransform(height, width, length(want));
    for (std::size_t i = 0; i < want.size(); ++i) CHECK(std::abs(got[i] - want[i]) < bound);
    // The first coefficient of a real plane is real.
    std::vector<float> unreal = readFloats(spectrum);
    unreal[1] += 1000;
    const Tensor changed = upload(device, spectrum.shape(), DType::f32, unreal.data());
    submit({changed}, {back}, [=] { irfft2(back.device(), planes, height, width, changed.data<float>(), back.data<float>()); });
    CHECK(readFloats(back) == got);
  }
}

TEST_CASE("the eigen-decomposition of a Gram matrix gives it back") {
  std::vector<Matrix> matrices;
  for (const auto& size : {std::pair<std::int64_t, std::int64_t>{1, 1}, {1, 7}, {6, 9}, {9, 6}}) {
    matrices.push_back(irregular(size.first, size.second));
    // The same from both ends, of an even and an odd size.
    Matrix symmetric = matrices.back();
    for (std::size_t i = 0; i < symmetric.values.size() / 2; ++i) symmetric.values[symmetric.values.size() - 1 - i] = symmetric.values[i];
    matrices.push_back(symmetric);
  }
  for (const Matrix& a : matrices) {
    const std::int64_t rows = a.rows, columns = a.columns;
    CAPTURE(rows);
    CAPTURE(a.values.front() == a.values.back());
    const SymmetricEigen eigen = eigenOfGram(a);
    CHECK(std::is_sorted(eigen.values.begin(), eigen.values.end()));
    CHECK(eigen.values.front() >= 0);
    // More rows than columns: A Aᵀ has no full rank.
    if (rows > columns) CHECK(eigen.values.front() < 1e-12);
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < rows; ++j) {
        double gram = 0, built = 0, product = 0;
        for (std::int64_t k = 0; k < columns; ++k) gram += a(i, k) * a(j, k);
        for (std::int64_t k = 0; k < rows; ++k) {
          built += eigen.vectors(i, k) * eigen.values[static_cast<std::size_t>(k)] * eigen.vectors(j, k);
          product += eigen.vectors(k, i) * eigen.vectors(k, j);
        }
        CHECK(built == doctest::Approx(gram).epsilon(1e-12));
        CHECK(product == doctest::Approx(i == j ? 1 : 0).epsilon(1e-12));
      }
    }
  }
  CHECK_THROWS_AS(eigenOfGram({2, 2, {1, 2, NAN, 3}}), RuntimeError);
}

TEST_CASE("an eigen-decomposition that nobody wants is not computed") {
  const auto cancellation = std::make_shared<Cancellation>();
  cancellation->cancel();
  const CancellationScope scope(cancellation);
  CHECK_THROWS_AS(eigenOfGram(irregular(6, 9)), CancelledError);
}

TEST_CASE("banded products agree with dense ones, whatever the zeros") {
  const auto device = openTestDevice(2);
  Matrix matrix = irregular(5, 7);
  for (std::int64_t j = 0; j < 7; ++j) {
    matrix.values[static_cast<std::size_t>(j)] = 0;                          // a row of zeros
    if (j < 4) matrix.values[static_cast<std::size_t>(2 * 7 + j)] = 0;       // zeros before the band,
    if (j > 2) matrix.values[static_cast<std::size_t>(3 * 7 + j)] = 0;       // after it,
    if (j % 2 == 0) matrix.values[static_cast<std::size_t>(4 * 7 + j)] = 0;  // and inside
  }
  const BandedMatrix banded(device, 5, 7);
  submit({}, banded.tensors(), [banded, matrix] { banded.fill(matrix); });

  const Tensor x = randn(device, {2, 3, 7, 4}, 1, 0), left = banded.applyToColumns(x);
  const Tensor z = randn(device, {2, 3, 4, 5}, 1, 1), right = banded.applyToRows(z);
  CHECK(left.shape() == Shape{2, 3, 5, 4});
  CHECK(right.shape() == Shape{2, 3, 4, 7});
  const std::vector<float> px = readFloats(x), pz = readFloats(z), pl = readFloats(left), pr = readFloats(right);
  for (std::int64_t plane = 0; plane < 6; ++plane) {
    for (std::int64_t k = 0; k < 4; ++k) {
      for (std::int64_t i = 0; i < 5; ++i) {
        Sum sum;
        for (std::int64_t j = 0; j < 7; ++j) sum.add(matrix(i, j) * px[static_cast<std::size_t>((plane * 7 + j) * 4 + k)]);
        CHECK(sum.excess(pl[static_cast<std::size_t>((plane * 5 + i) * 4 + k)]) <= 1);
      }
      for (std::int64_t j = 0; j < 7; ++j) {
        Sum sum;
        for (std::int64_t i = 0; i < 5; ++i) sum.add(pz[static_cast<std::size_t>((plane * 4 + k) * 5 + i)] * matrix(i, j));
        CHECK(sum.excess(pr[static_cast<std::size_t>((plane * 4 + k) * 7 + j)]) <= 1);
      }
    }
  }
}

TEST_CASE("products over blocks of bands agree with the whole sum, whatever the number of threads") {
  const auto one = openTestDevice(1), three = openTestDevice(3);
  const std::int64_t rows = 190, columns = 301, width = 37;
  for (const std::int64_t reach : {std::int64_t{0}, std::int64_t{9}, columns}) {  // a diagonal with an empty row, a band, a full matrix
    CAPTURE(reach);
    Matrix matrix = irregular(rows, columns);
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        if (std::abs(j - i * columns / rows) > reach || (i == 40 && reach == 0))
          matrix.values[static_cast<std::size_t>(i * columns + j)] = 0;
      }
    }
    const auto products = [&](const std::shared_ptr<Device>& device) {
      const BandedMatrix banded(device, rows, columns);
      submit({}, banded.tensors(), [banded, matrix] { banded.fill(matrix); });
      return std::pair(readFloats(banded.applyToColumns(randn(device, {2, columns, width}, 8, 0))),
                       readFloats(banded.applyToRows(randn(device, {2, width, rows}, 8, 1))));
    };
    const auto [left, right] = products(one);
    CHECK(std::pair(left, right) == products(three));
    const std::vector<float> x = readFloats(randn(one, {2, columns, width}, 8, 0)), z = readFloats(randn(one, {2, width, rows}, 8, 1));
    double worst = 0;
    for (std::int64_t plane = 0; plane < 2; ++plane) {
      for (std::int64_t k = 0; k < width; ++k) {
        for (std::int64_t i = 0; i < rows; ++i) {
          Sum sum;
          for (std::int64_t j = 0; j < columns; ++j) sum.add(matrix(i, j) * x[static_cast<std::size_t>((plane * columns + j) * width + k)]);
          worst = std::max(worst, sum.excess(left[static_cast<std::size_t>((plane * rows + i) * width + k)]));
        }
        for (std::int64_t j = 0; j < columns; ++j) {
          Sum sum;
          for (std::int64_t i = 0; i < rows; ++i) sum.add(z[static_cast<std::size_t>((plane * width + k) * rows + i)] * matrix(i, j));
          worst = std::max(worst, sum.excess(right[static_cast<std::size_t>((plane * width + k) * columns + j)]));
        }
      }
    }
    CHECK(worst <= 1);
  }
}
