#include "image/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "image/quantise.h"
#include "tensor/ceil_divide.h"
#include "tensor/error.h"

namespace latino {

namespace {

void requireEqualSizes(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size() || a.empty())
    throw ShapeError("Expected two pictures of one size but received " + std::to_string(a.size()) + " and " + std::to_string(b.size()) +
                     " values");
}

constexpr std::size_t kMoments = 4;  // means of p, q, p² + q² and p q
/// Pixels of a row that are worked on at once: their sums stay in registers.
constexpr std::size_t kBlock = 8;

/// Of the window, which is separable, one side; sum 1.
std::array<double, kSsimWindow> windowWeights() {
  std::array<double, kSsimWindow> weights{};
  double total = 0;
  for (std::size_t i = 0; i < kSsimWindow; ++i) {
    const double distance = static_cast<double>(i) - static_cast<double>(kSsimWindow / 2);
    weights[i] = std::exp(-distance * distance / (2 * 1.5 * 1.5));
    total += weights[i];
  }
  for (double& weight : weights) weight /= total;
  return weights;
}

/// The similarity at every place of the window in two planes, summed.
class PlaneSimilarity {
 public:
  PlaneSimilarity(const float* a, const float* b, PictureSize size)
      : a_(a), b_(b), size_(size), stride_(ceilDivide(size.width, kBlock) * kBlock), p_(kSsimWindow * stride_), q_(p_.size()) {
    for (std::vector<double>& column : columns_) column.resize(stride_ + kSsimWindow);
  }

  double sum() {
    double total = 0;
    for (std::size_t y = 0; y < size_.height; ++y) {
      keepRow(y);
      if (y + 1 < kSsimWindow) continue;
      averageDown(y + 1 - kSsimWindow);
      total += rowSum();
    }
    return total;
  }

 private:
  /// The last rows stay, in 8 bits: row y at y mod 11.
  void keepRow(std::size_t y) {
    double *p = &p_[y % kSsimWindow * stride_], *q = &q_[y % kSsimWindow * stride_];
    for (std::size_t x = 0; x < size_.width; ++x) {
      p[x] = quantise<std::uint8_t>(a_[y * size_.width + x]);
      q[x] = quantise<std::uint8_t>(b_[y * size_.width + x]);
    }
  }

  void averageDown(std::size_t top) {
    for (std::size_t x = 0; x < stride_; x += kBlock) {
      double sums[kMoments][kBlock] = {};
      for (std::size_t k = 0; k < kSsimWindow; ++k) {
        const double *p = &p_[(top + k) % kSsimWindow * stride_ + x], *q = &q_[(top + k) % kSsimWindow * stride_ + x];
        const double weight = weights_[k];
        for (std::size_t i = 0; i < kBlock; ++i) {
          const double wp = weight * p[i], wq = weight * q[i];
          sums[0][i] += wp;
          sums[1][i] += wq;
          sums[2][i] += wp * p[i] + wq * q[i];
          sums[3][i] += wp * q[i];
        }
      }
      for (std::size_t m = 0; m < kMoments; ++m) std::copy_n(sums[m], kBlock, &columns_[m][x]);
    }
  }

  double rowSum() const {
    constexpr double kC1 = 0.01 * 255 * 0.01 * 255, kC2 = 0.03 * 255 * 0.03 * 255;
    const std::size_t places = size_.width - kSsimWindow + 1;
    double sum = 0;
    for (std::size_t x = 0; x < places; x += kBlock) {
      double means[kMoments][kBlock] = {}, similarity[kBlock];
      for (std::size_t m = 0; m < kMoments; ++m) {
        for (std::size_t k = 0; k < kSsimWindow; ++k) {
          for (std::size_t i = 0; i < kBlock; ++i) means[m][i] += weights_[k] * columns_[m][x + k + i];
        }
      }
      for (std::size_t i = 0; i < kBlock; ++i) {
        const double p = means[0][i], q = means[1][i], product = p * q, squares = p * p + q * q;
        similarity[i] = (2 * product + kC1) * (2 * (means[3][i] - product) + kC2) / ((squares + kC1) * (means[2][i] - squares + kC2));
      }
      for (std::size_t i = 0; i < std::min(kBlock, places - x); ++i) sum += similarity[i];
    }
    return sum;
  }

  const float *a_, *b_;
  PictureSize size_;
  std::size_t stride_;
  std::array<double, kSsimWindow> weights_ = windowWeights();
  std::vector<double> p_, q_;
  std::array<std::vector<double>, kMoments> columns_;
};

}  // namespace

double psnr(std::span<const float> a, std::span<const float> b) {
  requireEqualSizes(a, b);
  std::int64_t squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const int difference = quantise<std::uint8_t>(a[i]) - quantise<std::uint8_t>(b[i]);
    squares += difference * difference;
  }
  if (squares == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(255.0 * 255.0 / (static_cast<double>(squares) / static_cast<double>(a.size())));
}

double ssim(std::span<const float> a, std::span<const float> b, PictureSize size) {
  requireEqualSizes(a, b);
  if (size.width < kSsimWindow || size.height < kSsimWindow) {
    throw ShapeError("Expected pictures of at least 11 x 11 pixels for SSIM but received " + std::to_string(size.width) + " x " +
                     std::to_string(size.height));
  }
  const std::size_t count = size.height * size.width;
  if (a.size() % count != 0)
    throw ShapeError("Expected planes of " + std::to_string(count) + " values but received " + std::to_string(a.size()));
  double sum = 0;
  for (std::size_t first = 0; first < a.size(); first += count) sum += PlaneSimilarity(&a[first], &b[first], size).sum();
  const std::size_t places = (size.height - kSsimWindow + 1) * (size.width - kSsimWindow + 1);
  return sum / static_cast<double>(a.size() / count * places);
}

}  // namespace latino
