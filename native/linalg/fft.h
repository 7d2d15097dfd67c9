// Two-dimensional real Fourier transforms of planes.
#pragma once

#include <complex>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "tensor/device.h"

namespace latino {

/// Columns of the half spectrum of a real plane.
constexpr std::int64_t halfWidth(std::int64_t width) { return width / 2 + 1; }

/// The least length from `length` on at which transforms are fastest: a multiple of 8 without a prime factor above 7. (Any other length is
/// transformed, too; on the CPU a prime takes some five times as long.)
constexpr std::int64_t fastLength(std::int64_t length) {
  for (std::int64_t candidate = (length + 7) / 8 * 8;; candidate += 8) {
    std::int64_t rest = candidate;
    for (const std::int64_t prime : {2, 3, 5, 7}) {
      while (rest % prime == 0) rest /= prime;
    }
    if (rest == 1) return candidate;
  }
}

/// Orthonormal transforms (scaled by 1/sqrt(H W)) of `planes` planes [H, W] to half spectra [H, W/2+1] of interleaved complex
/// numbers and back, on device memory. Inside tasks only. On the CPU they are computed in double: the residual form of the
/// proximal operators is as accurate as its transforms.
void rfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* x, float* spectrum);
void irfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* spectrum, float* x);

struct Extent {
  std::int64_t height, width;
};

/// z = F⁻¹ diag(weights) F x for `planes` planes of `size` in a frame of zeros, of which only that part is computed again; `weights` are
/// those of the frame's half spectrum. In float32 throughout, on the CPU too. z may be x.
///
/// With a depth x is zero further than so many rows and columns from the border, and z need not be right there.
void filterInFrame(Device& device, std::int64_t planes, Extent size, Extent frame, const float* weights, const float* x, float* z,
                   Extent depth);
inline void filterInFrame(Device& device, std::int64_t planes, Extent size, Extent frame, const float* weights, const float* x, float* z) {
  filterInFrame(device, planes, size, frame, weights, x, z, size);
}

/// Unscaled half spectrum of one plane, on the host in double.
std::vector<std::complex<double>> hostTransfer(std::int64_t height, std::int64_t width, const std::vector<double>& plane);

}  // namespace latino
