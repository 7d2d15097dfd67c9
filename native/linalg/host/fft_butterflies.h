// The stages of a mixed-radix Fourier transform.
#pragma once

#include <cstdint>

#include "linalg/host/fft_lanes.h"

namespace latino {

/// A root of unity, the same for all lanes.
template <class T>
struct Root {
  T re, im;
};

template <class T>
ComplexLanes<T> times(const ComplexLanes<T>& a, const Root<T>& w) {
  return {a.re * w.re - a.im * w.im, a.re * w.im + a.im * w.re};
}
template <class T>
ComplexLanes<T> operator+(const ComplexLanes<T>& a, const ComplexLanes<T>& b) {
  return {a.re + b.re, a.im + b.im};
}
template <class T>
ComplexLanes<T> operator-(const ComplexLanes<T>& a, const ComplexLanes<T>& b) {
  return {a.re - b.re, a.im - b.im};
}
/// a - i b
template <class T>
ComplexLanes<T> minusTimesI(const ComplexLanes<T>& a, const ComplexLanes<T>& b) {
  return {a.re + b.im, a.im - b.re};
}
/// a + i b
template <class T>
ComplexLanes<T> plusTimesI(const ComplexLanes<T>& a, const ComplexLanes<T>& b) {
  return {a.re - b.im, a.im + b.re};
}

/// One stage: from[q + done (p + left k)], k = 0 .. radix - 1, become to[q + done (radix p + k)], for p below `left` and q below `done`.
template <class T>
struct StageCall {
  const ComplexLanes<T>* from;
  ComplexLanes<T>* to;
  std::int64_t left, done;
  const Root<T>* roots;     // [radix]: exp(-2 pi i k / radix)
  const Root<T>* twiddles;  // [left, radix - 1]: exp(-2 pi i p k / (radix left)), k from 1
};

/// The transform of R numbers, in place. For odd R by their sums and differences in pairs.
template <int R, class T>
[[gnu::always_inline]] inline void butterfly(ComplexLanes<T> (&x)[R], const Root<T>* roots) {
  if constexpr (R == 2) {
    const ComplexLanes<T> a = x[0], b = x[1];
    x[0] = a + b;
    x[1] = a - b;
  } else if constexpr (R == 4) {
    const ComplexLanes<T> a = x[0] + x[2], b = x[0] - x[2], c = x[1] + x[3], d = x[1] - x[3];
    x[0] = a + c;
    x[1] = minusTimesI(b, d);
    x[2] = a - c;
    x[3] = plusTimesI(b, d);
  } else {
    constexpr int kPairs = (R - 1) / 2;
    ComplexLanes<T> sums[kPairs], differences[kPairs];
    const ComplexLanes<T> first = x[0];
    ComplexLanes<T> total = first;
#pragma GCC unroll 8
    for (int j = 1; j <= kPairs; ++j) {
      sums[j - 1] = x[j] + x[R - j];
      differences[j - 1] = x[j] - x[R - j];
      total = total + sums[j - 1];
    }
#pragma GCC unroll 8
    for (int k = 1; k <= kPairs; ++k) {
      ComplexLanes<T> even = first, odd = {};
#pragma GCC unroll 8
      for (int j = 1; j <= kPairs; ++j) {
        const Root<T>& root = roots[j * k % R];
        even = {even.re + root.re * sums[j - 1].re, even.im + root.re * sums[j - 1].im};
        odd = {odd.re - root.im * differences[j - 1].re, odd.im - root.im * differences[j - 1].im};
      }
      x[k] = minusTimesI(even, odd);
      x[R - k] = plusTimesI(even, odd);
    }
    x[0] = total;
  }
}

template <int R, class T>
void runStage(const StageCall<T>& call) {
  const auto [from, to, left, done, roots, twiddles] = call;
  for (std::int64_t p = 0; p < left; ++p) {
    const Root<T>* twiddle = twiddles + p * (R - 1);
    for (std::int64_t q = 0; q < done; ++q) {
      ComplexLanes<T> x[R];
#pragma GCC unroll 16
      for (int k = 0; k < R; ++k) x[k] = from[q + done * (p + left * k)];
      butterfly<R>(x, roots);
      ComplexLanes<T>* out = to + q + done * R * p;
      out[0] = x[0];
#pragma GCC unroll 16
      for (int k = 1; k < R; ++k) out[done * k] = times(x[k], twiddle[k - 1]);
    }
  }
}

inline constexpr int kRadices[] = {4, 2, 3, 5, 7, 11, 13};

/// `radix` is one of kRadices.
template <class T>
void runStage(int radix, const StageCall<T>& call) {
  switch (radix) {
    case 2:
      return runStage<2>(call);
    case 3:
      return runStage<3>(call);
    case 4:
      return runStage<4>(call);
    case 5:
      return runStage<5>(call);
    case 7:
      return runStage<7>(call);
    case 11:
      return runStage<11>(call);
    default:
      return runStage<13>(call);
  }
}

}  // namespace latino
