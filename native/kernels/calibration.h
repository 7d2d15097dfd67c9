// Kernels of the calibration of a prompt: steps of stochastic approximation on an embedding [N, tokens, channels].
#pragma once

#include "tensor/tensor.h"

namespace latino {

/// What a gradient is divided by before it is added: the norm of each token, or one norm over all tokens of an image.
enum class NormOver { token, image };

/// total + scale * gradient / norm, with nothing added where the norm is 0, and with the first `frozenTokens` tokens of the sum set to 0
/// (they do not count in the norm of an image either).
Tensor addNormalized(const Tensor& total, const Tensor& gradient, NormOver over, double scale, std::int64_t frozenTokens);

/// c + step * direction, token by token drawn back to a distance of `radius` from `centre`.
Tensor moveWithinBalls(const Tensor& c, const Tensor& direction, double step, const Tensor& centre, double radius);

}  // namespace latino
