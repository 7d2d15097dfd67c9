#include "linalg/fft.h"

#include <cmath>
#include <unsupported/Eigen/FFT>

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

/// Transforms every column of a half spectrum in place, in both directions without scaling.
void transformColumns(std::int64_t height, std::int64_t half, Complex* spectrum, bool forward) {
  if (height == 1) return;
  std::vector<Complex> column(static_cast<std::size_t>(height)), result(column.size());
  for (std::int64_t c = 0; c < half; ++c) {
    for (std::int64_t r = 0; r < height; ++r) column[static_cast<std::size_t>(r)] = spectrum[r * half + c];
    if (forward) {
      transform().fwd(result.data(), column.data(), static_cast<int>(height));
    } else {
      transform().inv(result.data(), column.data(), static_cast<int>(height));
    }
    for (std::int64_t r = 0; r < height; ++r) spectrum[r * half + c] = result[static_cast<std::size_t>(r)];
  }
}

std::vector<Complex> forwardPlane(std::int64_t height, std::int64_t width, const double* x) {
  const std::int64_t half = halfWidth(width);
  std::vector<Complex> spectrum(static_cast<std::size_t>(height * half));
  for (std::int64_t r = 0; r < height; ++r) forwardRow(width, x + r * width, spectrum.data() + r * half);
  transformColumns(height, half, spectrum.data(), true);
  return spectrum;
}

}  // namespace

void rfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* x, float* spectrum) {
  const std::int64_t count = height * halfWidth(width);
  const double scale = 1 / std::sqrt(static_cast<double>(height * width));
  device.threads().parallelFor(planes, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const std::vector<double> wide(x + plane * height * width, x + (plane + 1) * height * width);
      const std::vector<Complex> result = forwardPlane(height, width, wide.data());
      float* out = spectrum + 2 * plane * count;
      for (std::int64_t i = 0; i < count; ++i) {
        out[2 * i] = static_cast<float>(scale * result[static_cast<std::size_t>(i)].real());
        out[2 * i + 1] = static_cast<float>(scale * result[static_cast<std::size_t>(i)].imag());
      }
    }
  });
}

void irfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* spectrum, float* x) {
  const std::int64_t half = halfWidth(width), count = height * half;
  const double scale = 1 / std::sqrt(static_cast<double>(height * width));
  device.threads().parallelFor(planes, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<Complex> wide(static_cast<std::size_t>(count));
    std::vector<double> row(static_cast<std::size_t>(width));
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const float* in = spectrum + 2 * plane * count;
      for (std::int64_t i = 0; i < count; ++i) wide[static_cast<std::size_t>(i)] = {in[2 * i], in[2 * i + 1]};
      transformColumns(height, half, wide.data(), false);
      for (std::int64_t r = 0; r < height; ++r) {
        inverseRow(width, wide.data() + r * half, row.data());
        for (std::int64_t c = 0; c < width; ++c)
          x[(plane * height + r) * width + c] = static_cast<float>(scale * row[static_cast<std::size_t>(c)]);
      }
    }
  });
}

std::vector<std::complex<double>> hostTransfer(std::int64_t height, std::int64_t width, const std::vector<double>& plane) {
  return forwardPlane(height, width, plane.data());
}

}  // namespace latino
