// Element-wise kernels, reductions and noise. Each enqueues its work and returns the tensor that it will write.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/scalar.h"
#include "tensor/tensor.h"

namespace latino {

/// a x + b y; y may be an invalid tensor when b is 0. Throws ShapeError unless a and b are one number, or as many as there are images.
Tensor linearCombination(const PerImage& a, const Tensor& x, const PerImage& b, const Tensor& y);
inline Tensor linearCombination(double a, const Tensor& x, double b, const Tensor& y) {
  return linearCombination(PerImage{a}, x, PerImage{b}, y);
}
Tensor clip(const Tensor& x, double low, double high);
/// Every element set to value (f32 or i64).
Tensor full(std::shared_ptr<Device> device, Shape shape, DType dtype, double value);
/// Standard normal numbers: Philox4x32-10 with key (seed) and counter (element block, call), Box-Muller. The same on every device. With a
/// seed for each image of [N, ...], image n gets the numbers that [1, ...] gets from its seed.
Tensor randn(std::shared_ptr<Device> device, Shape shape, const std::vector<std::uint64_t>& seeds, std::uint64_t call);
inline Tensor randn(std::shared_ptr<Device> device, Shape shape, std::uint64_t seed, std::uint64_t call) {
  return randn(std::move(device), std::move(shape), std::vector<std::uint64_t>{seed}, call);
}
/// Euclidean norm per image, [N] from [N, ...]; summed in a fixed order, whatever the number of threads.
Tensor norm(const Tensor& x);
/// coefficient * x^exponent, element by element.
Tensor power(const Tensor& x, const PerImage& coefficient, double exponent);
inline Tensor power(const Tensor& x, double coefficient, double exponent) { return power(x, PerImage{coefficient}, exponent); }
/// Tensors of one type and shape beyond the first axis, one after the other: [sum N_i, ...].
Tensor concatenate(const std::vector<Tensor>& tensors);
/// x [..., A] and y [..., B] side by side, [..., A + B].
Tensor joinLast(const Tensor& x, const Tensor& y);
/// Images from, ..., to - 1 of a batch.
Tensor slice(const Tensor& x, std::int64_t from, std::int64_t to);
/// [N, C, H, W] to [N, C, height, width] by mirroring rows and columns past the bottom and right edge, or by cutting them off.
Tensor fitFrame(const Tensor& x, std::int64_t height, std::int64_t width);

}  // namespace latino
