// Forward transforms of planes by tiles: rows are transformed eight at a time (in float sixteen), two real rows being the real and
// imaginary part of one complex one. Their half spectra go into tiles of four columns (eight) [tiles, H], in which the columns' transforms
// find their lanes side by side.
#pragma once

#include <algorithm>
#include <cstdint>

#include "linalg/fft.h"
#include "linalg/host/fft_plan.h"

namespace latino {

template <class T>
inline constexpr std::int64_t kRows = 2 * kFftLanes<T>;

template <class T>
std::int64_t tilesOf(std::int64_t width) {
  return (halfWidth(width) + kFftLanes<T> - 1) / kFftLanes<T>;
}
template <class T>
std::int64_t groupsOf(std::int64_t height) {
  return (height + kRows<T> - 1) / kRows<T>;
}

/// Memory of one thread: the numbers of a transform and its scratch.
template <class T>
struct Workspace {
  ComplexLanes<T>*data, *scratch;
};

template <class T>
std::int64_t workspaceOf(const FftPlan<T>& plan) {
  return plan.length() + plan.scratch();
}

/// Element `at` and those after it of as many rows from `row` on, each row in a vector; zero beyond the plane.
template <class T, class From>
void loadRows(const From* plane, std::int64_t height, std::int64_t width, std::int64_t row, std::int64_t at,
              Lanes<T> (&rows)[kFftLanes<T>]) {
  for (std::int64_t r = 0; r < kFftLanes<T>; ++r) {
    rows[r] = Lanes<T>{};
    if (row + r >= height) continue;
    const From* from = plane + (row + r) * width + at;
    if (at + kFftLanes<T> <= width) {
      rows[r] = loadLanes<T>(from);
    } else {
      for (std::int64_t c = 0; at + c < width; ++c) rows[r][c] = static_cast<T>(from[c]);
    }
  }
}

/// Calls body(at) for those multiples of the lanes below `width` that reach columns no further than `depth` from either end.
template <class T, class Body>
void forEnds(std::int64_t width, std::int64_t depth, const Body& body) {
  const std::int64_t right = std::max<std::int64_t>(0, width - depth) / kFftLanes<T> * kFftLanes<T>;
  std::int64_t at = 0;
  for (; at < depth && at < width; at += kFftLanes<T>) body(at);
  for (at = std::max(at, right); at < width; at += kFftLanes<T>) body(at);
}

/// Half spectra of kRows rows of a plane, with zeros up to the plan's length, into tiles whose columns are `tileHeight` long. The rows are
/// zero further than `depth` from their ends.
template <class T, class From>
void forwardRows(const FftPlan<T>& plan, Extent size, std::int64_t depth, std::int64_t tileHeight, std::int64_t row, const From* plane,
                 ComplexLanes<T>* tiles, Workspace<T> work) {
  const std::int64_t width = plan.length(), half = halfWidth(width);
  if (2 * depth < size.width) std::fill(work.data + depth, work.data + size.width - depth, ComplexLanes<T>{});
  forEnds<T>(size.width, depth, [&](std::int64_t at) {
    Lanes<T> first[kFftLanes<T>], second[kFftLanes<T>];
    loadRows<T>(plane, size.height, size.width, row, at, first);
    loadRows<T>(plane, size.height, size.width, row + kFftLanes<T>, at, second);
    transpose(first);
    transpose(second);
    for (std::int64_t c = 0; c < std::min(kFftLanes<T>, size.width - at); ++c) work.data[at + c] = {first[c], second[c]};
  });
  std::fill(work.data + size.width, work.data + width, ComplexLanes<T>{});
  constexpr T kHalf = 0.5;
  const ComplexLanes<T>* z = plan.transform(work.data, work.scratch);
  const std::int64_t count = std::min(kRows<T>, size.height - row);
  for (std::int64_t at = 0; at < half; at += kFftLanes<T>) {
    Lanes<T> firstRe[kFftLanes<T>] = {}, firstIm[kFftLanes<T>] = {}, secondRe[kFftLanes<T>] = {}, secondIm[kFftLanes<T>] = {};
#pragma GCC unroll 8
    for (std::int64_t c = 0; c < kFftLanes<T>; ++c) {  // as many as known when compiled, so that they stay in registers
      if (c >= half - at) continue;
      const ComplexLanes<T>&a = z[at + c], &b = z[at + c == 0 ? 0 : width - at - c];
      firstRe[c] = kHalf * (a.re + b.re);
      firstIm[c] = kHalf * (a.im - b.im);
      secondRe[c] = kHalf * (a.im + b.im);
      secondIm[c] = kHalf * (b.re - a.re);
    }
    for (auto* lanes : {&firstRe, &firstIm, &secondRe, &secondIm}) transpose(*lanes);
    ComplexLanes<T>* out = tiles + at / kFftLanes<T> * tileHeight + row;
#pragma GCC unroll 16
    for (std::int64_t r = 0; r < kRows<T>; ++r)
      if (r < count)
        out[r] = r < kFftLanes<T> ? ComplexLanes<T>{firstRe[r], firstIm[r]}
                                  : ComplexLanes<T>{secondRe[r - kFftLanes<T>], secondIm[r - kFftLanes<T>]};
  }
}

/// The columns of a tile: transformed, times `scale`, into a half spectrum of interleaved numbers.
template <class T, class To>
void forwardColumns(const FftPlan<T>& plan, std::int64_t half, std::int64_t tile, ComplexLanes<T>* columns, T scale, To* spectrum,
                    ComplexLanes<T>* scratch) {
  const std::int64_t first = tile * kFftLanes<T>, count = std::min(kFftLanes<T>, half - first);
  const ComplexLanes<T>* z = plan.transform(columns, scratch);
  for (std::int64_t r = 0; r < plan.length(); ++r) {
    const Lanes<T> re = scale * z[r].re, im = scale * z[r].im;
    To* out = spectrum + 2 * (r * half + first);
    for (std::int64_t c = 0; c < count; ++c) {
      out[2 * c] = static_cast<To>(re[c]);
      out[2 * c + 1] = static_cast<To>(im[c]);
    }
  }
}

}  // namespace latino
