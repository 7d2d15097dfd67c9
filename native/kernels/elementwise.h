// Element-wise kernels, reductions and noise. Each enqueues its work and returns the tensor that it will write.
#pragma once

#include <cstdint>

#include "kernels/scalar.h"
#include "tensor/tensor.h"

namespace latino {

/// a x + b y; y may be an invalid tensor when b is 0.
Tensor linearCombination(double a, const Tensor& x, double b, const Tensor& y);
Tensor clip(const Tensor& x, double low, double high);
/// Every element set to value (f32 or i64).
Tensor full(std::shared_ptr<Device> device, Shape shape, DType dtype, double value);
/// Standard normal numbers: Philox4x32-10 with key (seed) and counter (element block, call), Box-Muller. The same on every device.
Tensor randn(std::shared_ptr<Device> device, Shape shape, std::uint64_t seed, std::uint64_t call);
/// Euclidean norm per image, [N] from [N, ...]; summed in a fixed order, whatever the number of threads.
Tensor norm(const Tensor& x);
/// coefficient * x^exponent, element by element.
Tensor power(const Tensor& x, double coefficient, double exponent);
/// [N, C, H, W] to [N, C, height, width] by mirroring rows and columns past the bottom and right edge, or by cutting them off.
Tensor fitFrame(const Tensor& x, std::int64_t height, std::int64_t width);

}  // namespace latino
