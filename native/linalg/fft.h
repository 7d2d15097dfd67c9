// Two-dimensional real Fourier transforms of planes.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

#include "tensor/device.h"

namespace latino {

/// Columns of the half spectrum of a real plane.
constexpr std::int64_t halfWidth(std::int64_t width) { return width / 2 + 1; }

/// Orthonormal transforms (scaled by 1/sqrt(H W)) of `planes` planes [H, W] to half spectra [H, W/2+1] of interleaved complex
/// numbers and back, on device memory. Inside tasks only. On the CPU they are computed in double: the residual form of the
/// proximal operators is as accurate as its transforms.
void rfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* x, float* spectrum);
void irfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* spectrum, float* x);

/// Unscaled half spectrum of one plane, on the host in double.
std::vector<std::complex<double>> hostTransfer(std::int64_t height, std::int64_t width, const std::vector<double>& plane);

}  // namespace latino
