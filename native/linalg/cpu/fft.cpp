#include "linalg/fft.h"

#include <algorithm>
#include <cmath>
#include <unsupported/Eigen/FFT>

#include "cpu/cpu_device.h"
#include "tensor/scratch.h"

namespace latino {

namespace {

using Complex = std::complex<double>;

/// Plans are cached by size in the transform object, which is not safe to share between threads.
Eigen::FFT<double>& transform() {
  static thread_local Eigen::FFT<double> fft = [] {
    Eigen::FFT<double> made;
    made.SetFlag(Eigen::FFT<double>::HalfSpectrum);
    made.SetFlag(Eigen::FFT<double>::Unscaled);
    return made;
  }();
  return fft;
}

// Of one number the transform is that number; Eigen's writes out of bounds there.

void forwardRow(std::int64_t width, const double* row, Complex* spectrum) {
  if (width == 1) {
    *spectrum = *row;
  } else {
    transform().fwd(spectrum, row, static_cast<int>(width));
  }
}

void inverseRow(std::int64_t width, const Complex* spectrum, double* row) {
  if (width == 1) {
    *row = spectrum->real();
  } else {
    transform().inv(row, spectrum, static_cast<int>(width));
  }
}

/// Columns that are gathered together: a row of them fills two cache lines.
constexpr std::int64_t kColumnTile = 8;
/// Rows that a thread takes at a time.
constexpr std::int64_t kRowGrain = 8;

std::int64_t columnTiles(std::int64_t half) { return (half + kColumnTile - 1) / kColumnTile; }

/// Transforms tile number `tile` of the columns of a half spectrum, without scaling: `read(at)` gives a number of it, `write(at, value)`
/// takes one.
template <class Read, class Write>
void transformTile(std::int64_t height, std::int64_t half, std::int64_t tile, bool forward, const Read& read, const Write& write) {
  const std::int64_t first = tile * kColumnTile, count = std::min(kColumnTile, half - first);
  static thread_local std::vector<Complex> columns, result;
  columns.resize(static_cast<std::size_t>(count * height));
  result.resize(static_cast<std::size_t>(height));
  for (std::int64_t r = 0; r < height; ++r) {
    for (std::int64_t c = 0; c < count; ++c) columns[static_cast<std::size_t>(c * height + r)] = read(r * half + first + c);
  }
  for (std::int64_t c = 0; c < count; ++c) {
    Complex* column = columns.data() + c * height;
    if (height == 1) continue;
    if (forward) {
      transform().fwd(result.data(), column, static_cast<int>(height));
    } else {
      transform().inv(result.data(), column, static_cast<int>(height));
    }
    std::copy(result.begin(), result.end(), column);
  }
  for (std::int64_t r = 0; r < height; ++r) {
    for (std::int64_t c = 0; c < count; ++c) write(r * half + first + c, columns[static_cast<std::size_t>(c * height + r)]);
  }
}

}  // namespace

void rfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* x, float* spectrum) {
  const std::int64_t half = halfWidth(width), tiles = columnTiles(half);
  const double scale = 1 / std::sqrt(static_cast<double>(height * width));
  const Scratch scratch(device, 4 * planes * height * half);
  auto* rows = reinterpret_cast<Complex*>(scratch.data());
  threadsOf(device).parallelFor(planes * height, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> wide(static_cast<std::size_t>(width));
    for (std::int64_t row = begin; row < end; ++row) {
      std::copy(x + row * width, x + (row + 1) * width, wide.begin());
      forwardRow(width, wide.data(), rows + row * half);
    }
  });
  threadsOf(device).parallelFor(planes * tiles, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const Complex* in = rows + k / tiles * height * half;
      float* out = spectrum + 2 * (k / tiles * height * half);
      transformTile(
          height, half, k % tiles, true, [in](std::int64_t at) { return in[at]; },
          [out, scale](std::int64_t at, Complex value) {
            out[2 * at] = static_cast<float>(scale * value.real());
            out[2 * at + 1] = static_cast<float>(scale * value.imag());
          });
    }
  });
}

void irfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* spectrum, float* x) {
  const std::int64_t half = halfWidth(width), tiles = columnTiles(half);
  const double scale = 1 / std::sqrt(static_cast<double>(height * width));
  const Scratch scratch(device, 4 * planes * height * half);
  auto* rows = reinterpret_cast<Complex*>(scratch.data());
  threadsOf(device).parallelFor(planes * tiles, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const float* in = spectrum + 2 * (k / tiles * height * half);
      Complex* out = rows + k / tiles * height * half;
      transformTile(
          height, half, k % tiles, false, [in](std::int64_t at) { return Complex(in[2 * at], in[2 * at + 1]); },
          [out](std::int64_t at, Complex value) { out[at] = value; });
    }
  });
  threadsOf(device).parallelFor(planes * height, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> wide(static_cast<std::size_t>(width));
    for (std::int64_t row = begin; row < end; ++row) {
      inverseRow(width, rows + row * half, wide.data());
      std::transform(wide.begin(), wide.end(), x + row * width, [scale](double value) { return static_cast<float>(scale * value); });
    }
  });
}

std::vector<std::complex<double>> hostTransfer(std::int64_t height, std::int64_t width, const std::vector<double>& plane) {
  const std::int64_t half = halfWidth(width);
  std::vector<Complex> spectrum(static_cast<std::size_t>(height * half));
  for (std::int64_t r = 0; r < height; ++r) forwardRow(width, plane.data() + r * width, spectrum.data() + r * half);
  for (std::int64_t tile = 0; tile < columnTiles(half); ++tile) {
    transformTile(
        height, half, tile, true, [&](std::int64_t at) { return spectrum[static_cast<std::size_t>(at)]; },
        [&](std::int64_t at, Complex value) { spectrum[static_cast<std::size_t>(at)] = value; });
  }
  return spectrum;
}

}  // namespace latino
