// Complex Fourier transforms of any length, several at a time, in double or float.
#pragma once

#include <cstdint>
#include <memory>

#include "linalg/host/fft_lanes.h"

namespace latino {

/// What a transform of one length needs to know. Plans do not change: threads share them.
///
/// Only forward transforms are computed. The inverse, unscaled, is the forward transform of the numbers with real and imaginary part
/// exchanged, exchanged again; who loads and stores numbers one by one has that for nothing.
template <class T>
class FftPlan {
 public:
  virtual ~FftPlan() = default;

  std::int64_t length() const { return length_; }
  /// Numbers that `transform` wants of `scratch`.
  virtual std::int64_t scratch() const = 0;
  /// Unscaled transform of data[0 .. length), which it may overwrite. The result lies where the returned pointer says, in `data` or in
  /// `scratch`.
  virtual ComplexLanes<T>* transform(ComplexLanes<T>* data, ComplexLanes<T>* scratch) const = 0;
  virtual std::size_t bytes() const = 0;

 protected:
  explicit FftPlan(std::int64_t length) : length_(length) {}

 private:
  std::int64_t length_;
};

/// The plan of a length >= 1. The ones used last are kept, within a budget of bytes.
template <class T>
std::shared_ptr<const FftPlan<T>> fftPlanOf(std::int64_t length);

}  // namespace latino
