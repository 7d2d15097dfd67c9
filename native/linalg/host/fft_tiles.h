// Forward transforms of planes by tiles: rows are transformed eight at a time, two real rows being the real and imaginary part of one
// complex one. Their half spectra go into tiles of four columns [tiles, H], in which the columns' transforms find their lanes side by side.
#pragma once

#include <algorithm>
#include <cstdint>

#include "linalg/fft.h"
#include "linalg/host/fft_plan.h"

namespace latino {

inline constexpr std::int64_t kRows = 2 * kFftLanes;

inline std::int64_t tilesOf(std::int64_t width) { return (halfWidth(width) + kFftLanes - 1) / kFftLanes; }
inline std::int64_t groupsOf(std::int64_t height) { return (height + kRows - 1) / kRows; }

/// Memory of one thread: the numbers of a transform and its scratch.
struct Workspace {
  ComplexLanes *data, *scratch;
};

inline std::int64_t workspaceOf(const FftPlan& plan) { return plan.length() + plan.scratch(); }

/// Element `at` and the three after it of four rows from `row` on, each row in a vector; zero beyond the plane.
template <class T>
void loadRows(const T* plane, std::int64_t height, std::int64_t width, std::int64_t row, std::int64_t at, Lanes (&rows)[4]) {
  for (std::int64_t r = 0; r < kFftLanes; ++r) {
    rows[r] = Lanes{};
    if (row + r >= height) continue;
    const T* from = plane + (row + r) * width + at;
    if (at + kFftLanes <= width) {
      rows[r] = loadLanes(from);
    } else {
      for (std::int64_t c = 0; at + c < width; ++c) rows[r][c] = static_cast<double>(from[c]);
    }
  }
}

/// Half spectra of eight rows of a plane, into its tiles.
template <class T>
void forwardRows(const FftPlan& plan, std::int64_t height, std::int64_t row, const T* plane, ComplexLanes* tiles, Workspace work) {
  const std::int64_t width = plan.length(), half = halfWidth(width);
  for (std::int64_t at = 0; at < width; at += kFftLanes) {
    Lanes first[4], second[4];
    loadRows(plane, height, width, row, at, first);
    loadRows(plane, height, width, row + kFftLanes, at, second);
    transpose(first);
    transpose(second);
    for (std::int64_t c = 0; c < std::min(kFftLanes, width - at); ++c) work.data[at + c] = {first[c], second[c]};
  }
  const ComplexLanes* z = plan.transform(work.data, work.scratch);
  const std::int64_t count = std::min(kRows, height - row);
  for (std::int64_t at = 0; at < half; at += kFftLanes) {
    Lanes firstRe[4] = {}, firstIm[4] = {}, secondRe[4] = {}, secondIm[4] = {};
    for (std::int64_t c = 0; c < std::min(kFftLanes, half - at); ++c) {
      const ComplexLanes &a = z[at + c], &b = z[at + c == 0 ? 0 : width - at - c];
      firstRe[c] = 0.5 * (a.re + b.re);
      firstIm[c] = 0.5 * (a.im - b.im);
      secondRe[c] = 0.5 * (a.im + b.im);
      secondIm[c] = 0.5 * (b.re - a.re);
    }
    for (auto* lanes : {&firstRe, &firstIm, &secondRe, &secondIm}) transpose(*lanes);
    ComplexLanes* out = tiles + at / kFftLanes * height + row;
    for (std::int64_t r = 0; r < count; ++r)
      out[r] = r < kFftLanes ? ComplexLanes{firstRe[r], firstIm[r]} : ComplexLanes{secondRe[r - kFftLanes], secondIm[r - kFftLanes]};
  }
}

/// The columns of a tile: transformed, times `scale`, into a half spectrum of interleaved numbers.
template <class T>
void forwardColumns(const FftPlan& plan, std::int64_t half, std::int64_t tile, ComplexLanes* columns, double scale, T* spectrum,
                    ComplexLanes* scratch) {
  const std::int64_t first = tile * kFftLanes, count = std::min(kFftLanes, half - first);
  const ComplexLanes* z = plan.transform(columns, scratch);
  for (std::int64_t r = 0; r < plan.length(); ++r) {
    const Lanes re = scale * z[r].re, im = scale * z[r].im;
    T* out = spectrum + 2 * (r * half + first);
    for (std::int64_t c = 0; c < count; ++c) {
      out[2 * c] = static_cast<T>(re[c]);
      out[2 * c + 1] = static_cast<T>(im[c]);
    }
  }
}

}  // namespace latino
