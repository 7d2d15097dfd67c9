#include "linalg/host/fft_plan.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numbers>
#include <vector>

#include "linalg/fft.h"
#include "linalg/host/fft_butterflies.h"

namespace latino {

namespace {

/// exp(-2 pi i k / n)
template <class T>
Root<T> rootOf(std::int64_t k, std::int64_t n) {
  const double angle = -2 * std::numbers::pi * static_cast<double>(k % n) / static_cast<double>(n);
  return {static_cast<T>(std::cos(angle)), static_cast<T>(std::sin(angle))};
}

/// Product of small primes: Stockham's form, which needs no reordering of its numbers. A stage of radix r takes what is left of the length,
/// n, apart into r transforms of n / r; `done` is the product of the radices before it.
template <class T>
class MixedRadix final : public FftPlan<T> {
 public:
  MixedRadix(std::int64_t length, const std::vector<int>& radices) : FftPlan<T>(length) {
    std::int64_t n = length;
    for (const int radix : radices) {
      Stage stage{radix, {}, {}};
      for (int k = 0; k < radix; ++k) stage.roots.push_back(rootOf<T>(k, radix));
      for (std::int64_t p = 0; p < n / radix; ++p) {
        for (int k = 1; k < radix; ++k) stage.twiddles.push_back(rootOf<T>(p * k, n));
      }
      stages_.push_back(std::move(stage));
      n /= radix;
    }
  }

  std::int64_t scratch() const override { return this->length(); }
  std::size_t bytes() const override { return sizeof(Root<T>) * 2 * static_cast<std::size_t>(this->length()); }
  ComplexLanes<T>* transform(ComplexLanes<T>* data, ComplexLanes<T>* scratch) const override {
    std::int64_t n = this->length(), done = 1;
    for (const Stage& stage : stages_) {
      n /= stage.radix;
      const StageCall<T> call{data, scratch, n, done, stage.roots.data(), stage.twiddles.data()};
      runStage(stage.radix, call);
      done *= stage.radix;
      std::swap(data, scratch);
    }
    return data;
  }

 private:
  struct Stage {
    int radix;
    std::vector<Root<T>> roots, twiddles;
  };
  std::vector<Stage> stages_;
};

/// Any length n as a circular convolution of a length m >= 2n - 1 that is a product of small primes (Bluestein 1970): with
/// c_j = exp(-pi i j² / n) it is X_k = c_k sum_j (x_j c_j) conj(c_{k-j}).
template <class T>
class Bluestein final : public FftPlan<T> {
 public:
  Bluestein(std::int64_t length, std::unique_ptr<const FftPlan<T>> convolution) : FftPlan<T>(length), convolution_(std::move(convolution)) {
    const std::int64_t m = convolution_->length();
    for (std::int64_t j = 0; j < length; ++j) chirp_.push_back(rootOf<T>(j * j % (2 * length), 2 * length));
    std::vector<ComplexLanes<T>> filter(static_cast<std::size_t>(m)), scratch(static_cast<std::size_t>(convolution_->scratch()));
    for (std::int64_t j = 0; j < length; ++j) {
      const Root<T>& c = chirp_[static_cast<std::size_t>(j)];
      for (const std::int64_t at : {j, (m - j) % m}) filter[static_cast<std::size_t>(at)] = {Lanes<T>{c.re}, Lanes<T>{-c.im}};
    }
    const ComplexLanes<T>* transformed = convolution_->transform(filter.data(), scratch.data());
    for (std::int64_t j = 0; j < m; ++j)
      filter_.push_back({transformed[j].re[0] / static_cast<T>(m), transformed[j].im[0] / static_cast<T>(m)});
  }

  std::int64_t scratch() const override { return convolution_->length() + convolution_->scratch(); }
  std::size_t bytes() const override { return sizeof(Root<T>) * (chirp_.size() + filter_.size()) + convolution_->bytes(); }
  ComplexLanes<T>* transform(ComplexLanes<T>* data, ComplexLanes<T>* scratch) const override {
    const std::int64_t n = this->length(), m = convolution_->length();
    ComplexLanes<T>*padded = scratch, *rest = scratch + m;
    for (std::int64_t j = 0; j < n; ++j) padded[j] = times(data[j], chirp_[static_cast<std::size_t>(j)]);
    std::fill(padded + n, padded + m, ComplexLanes<T>{});
    ComplexLanes<T>* forward = convolution_->transform(padded, rest);
    for (std::int64_t j = 0; j < m; ++j) {
      const ComplexLanes<T> product = times(forward[j], filter_[static_cast<std::size_t>(j)]);
      forward[j] = {product.im, product.re};  // for the way back
    }
    const ComplexLanes<T>* back = convolution_->transform(forward, forward == padded ? rest : padded);
    for (std::int64_t k = 0; k < n; ++k) data[k] = times({back[k].im, back[k].re}, chirp_[static_cast<std::size_t>(k)]);
    return data;
  }

 private:
  std::unique_ptr<const FftPlan<T>> convolution_;
  std::vector<Root<T>> chirp_, filter_;
};

/// The radices that make a length up; empty where a larger prime is left (and for 1).
std::vector<int> radicesOf(std::int64_t length) {
  std::vector<int> radices;
  for (const int radix : kRadices) {
    for (; length % radix == 0; length /= radix) radices.push_back(radix);
  }
  return length == 1 ? radices : std::vector<int>{};
}

template <class T>
std::shared_ptr<const FftPlan<T>> makePlan(std::int64_t length) {
  std::vector<int> radices = radicesOf(length);
  if (length == 1 || !radices.empty()) return std::make_shared<MixedRadix<T>>(length, radices);
  const std::int64_t convolution = fastLength(2 * length - 1);
  return std::make_shared<Bluestein<T>>(length, std::make_unique<MixedRadix<T>>(convolution, radicesOf(convolution)));
}

/// Of all plans of one precision that are kept; those of a side of ten thousand pixels take some 2 MB.
constexpr std::size_t kPlanBudget = 16U << 20;

}  // namespace

template <class T>
std::shared_ptr<const FftPlan<T>> fftPlanOf(std::int64_t length) {
  static std::mutex mutex;
  static std::vector<std::shared_ptr<const FftPlan<T>>> plans;  // the one used last is at the end
  const std::lock_guard lock(mutex);
  const auto found = std::find_if(plans.begin(), plans.end(), [length](const auto& plan) { return plan->length() == length; });
  if (found == plans.end()) {
    plans.push_back(makePlan<T>(length));
  } else {
    std::rotate(found, found + 1, plans.end());
  }
  std::size_t bytes = 0;
  for (const auto& plan : plans) bytes += plan->bytes();
  for (; bytes > kPlanBudget && plans.size() > 1; plans.erase(plans.begin())) bytes -= plans.front()->bytes();
  return plans.back();
}

template std::shared_ptr<const FftPlan<double>> fftPlanOf(std::int64_t);
template std::shared_ptr<const FftPlan<float>> fftPlanOf(std::int64_t);

}  // namespace latino
