#include "linalg/fft.h"

#include <algorithm>
#include <cmath>

#include "cpu/cpu_device.h"
#include "linalg/host/fft_tiles.h"
#include "tensor/scratch.h"

namespace latino {

namespace {

/// Tiles that a thread takes at a time: what it writes of a row fills cache lines.
constexpr std::int64_t kTileGrain = 4;

/// Calls body(index, workspace) for every index in [0, n).
template <class T, class Body>
void forPieces(Device& device, std::int64_t n, std::int64_t grain, const FftPlan<T>& plan, const Body& body) {
  threadsOf(device).parallelFor(n, grain, [&](std::int64_t begin, std::int64_t end) {
    const Scratch memory(device, workspaceOf(plan) * static_cast<std::int64_t>(sizeof(ComplexLanes<T>) / sizeof(float)));
    auto* data = reinterpret_cast<ComplexLanes<T>*>(memory.data());
    for (std::int64_t i = begin; i < end; ++i) body(i, Workspace<T>{data, data + plan.length()});
  });
}

/// kRows rows of a plane, no further than `depth` from their ends, from their half spectra in tiles whose columns are `tileHeight` long;
/// times `scale`.
template <class T>
void inverseRows(const FftPlan<T>& plan, Extent size, std::int64_t depth, std::int64_t tileHeight, std::int64_t row,
                 const ComplexLanes<T>* tiles, T scale, float* plane, Workspace<T> work) {
  const std::int64_t width = plan.length(), half = halfWidth(width), count = std::min(kRows<T>, size.height - row);
  for (std::int64_t at = 0; at < half; at += kFftLanes<T>) {
    const ComplexLanes<T>* in = tiles + at / kFftLanes<T> * tileHeight + row;
    Lanes<T> firstRe[kFftLanes<T>] = {}, firstIm[kFftLanes<T>] = {}, secondRe[kFftLanes<T>] = {}, secondIm[kFftLanes<T>] = {};
#pragma GCC unroll 16
    for (std::int64_t r = 0; r < kRows<T>; ++r) {  // as many as known when compiled, so that they stay in registers
      if (r >= count) continue;
      (r < kFftLanes<T> ? firstRe[r] : secondRe[r - kFftLanes<T>]) = in[r].re;
      (r < kFftLanes<T> ? firstIm[r] : secondIm[r - kFftLanes<T>]) = in[r].im;
    }
    for (auto* lanes : {&firstRe, &firstIm, &secondRe, &secondIm}) transpose(*lanes);
#pragma GCC unroll 8
    for (std::int64_t c = 0; c < kFftLanes<T>; ++c) {
      if (c >= half - at) continue;
      const std::int64_t k = at + c;
      // A real row has no imaginary part there; one would leak into the row that shares its transform.
      if (k == 0 || 2 * k == width) firstIm[c] = secondIm[c] = Lanes<T>{};
      // With real and imaginary part exchanged, for the way back.
      work.data[k] = ComplexLanes<T>{firstIm[c] + secondRe[c], firstRe[c] - secondIm[c]};
      if (k > 0) work.data[width - k] = ComplexLanes<T>{secondRe[c] - firstIm[c], firstRe[c] + secondIm[c]};
    }
  }
  const ComplexLanes<T>* z = plan.transform(work.data, work.scratch);
  forEnds<T>(size.width, depth, [&](std::int64_t at) {
    Lanes<T> first[kFftLanes<T>] = {}, second[kFftLanes<T>] = {};
    const std::int64_t columns = std::min(kFftLanes<T>, size.width - at);
    for (std::int64_t c = 0; c < columns; ++c) {
      first[c] = scale * z[at + c].im;
      second[c] = scale * z[at + c].re;
    }
    transpose(first);
    transpose(second);
    for (std::int64_t r = 0; r < count; ++r) {
      const Lanes<T>& values = r < kFftLanes<T> ? first[r] : second[r - kFftLanes<T>];
      float* out = plane + (row + r) * size.width + at;
      for (std::int64_t c = 0; c < columns; ++c) out[c] = static_cast<float>(values[c]);
    }
  });
}

/// The columns of a tile from a half spectrum, not scaled.
template <class T>
void inverseColumns(const FftPlan<T>& plan, std::int64_t half, std::int64_t tile, const float* spectrum, ComplexLanes<T>* columns,
                    Workspace<T> work) {
  const std::int64_t first = tile * kFftLanes<T>, count = std::min(kFftLanes<T>, half - first);
  for (std::int64_t r = 0; r < plan.length(); ++r) {
    const float* in = spectrum + 2 * (r * half + first);
    ComplexLanes<T>& exchanged = work.data[r];
    exchanged = ComplexLanes<T>{};
    for (std::int64_t c = 0; c < count; ++c) {
      exchanged.re[c] = static_cast<T>(in[2 * c + 1]);
      exchanged.im[c] = static_cast<T>(in[2 * c]);
    }
  }
  const ComplexLanes<T>* z = plan.transform(work.data, work.scratch);
  for (std::int64_t r = 0; r < plan.length(); ++r) columns[r] = {z[r].im, z[r].re};
}

/// The columns of a tile, of which the first `height` numbers are given and wanted, and the others are zeros: transformed, times the
/// weights of their frequencies, and back.
template <class T>
void filterColumns(const FftPlan<T>& plan, std::int64_t half, std::int64_t tile, std::int64_t height, const float* weights,
                   ComplexLanes<T>* columns, Workspace<T> work) {
  const std::int64_t first = tile * kFftLanes<T>, count = std::min(kFftLanes<T>, half - first), length = plan.length();
  std::fill(columns + height, columns + length, ComplexLanes<T>{});
  const ComplexLanes<T>* z = plan.transform(columns, work.scratch);
  for (std::int64_t r = 0; r < length; ++r) {
    const float* from = weights + r * half + first;
    Lanes<T> weight = {};
    if (count == kFftLanes<T>) {
      weight = loadLanes<T>(from);
    } else {
      for (std::int64_t c = 0; c < count; ++c) weight[c] = static_cast<T>(from[c]);
    }
    work.data[r] = {weight * z[r].im, weight * z[r].re};  // exchanged, for the way back
  }
  z = plan.transform(work.data, work.scratch);
  for (std::int64_t r = 0; r < height; ++r) columns[r] = {z[r].im, z[r].re};
}

/// Memory for the tiles of `planes` planes.
template <class T>
Scratch tilesFor(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width) {
  return {device, planes * tilesOf<T>(width) * height * static_cast<std::int64_t>(sizeof(ComplexLanes<T>) / sizeof(float))};
}

double orthonormal(std::int64_t height, std::int64_t width) { return 1 / std::sqrt(static_cast<double>(height * width)); }

}  // namespace

void rfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* x, float* spectrum) {
  const std::int64_t half = halfWidth(width), tiles = tilesOf<double>(width), groups = groupsOf<double>(height);
  const double scale = orthonormal(height, width);
  const auto rows = fftPlanOf<double>(width), columns = fftPlanOf<double>(height);
  const Scratch memory = tilesFor<double>(device, planes, height, width);
  auto* tiled = reinterpret_cast<ComplexLanes<double>*>(memory.data());
  forPieces(device, planes * groups, 1, *rows, [&](std::int64_t k, Workspace<double> work) {
    const std::int64_t plane = k / groups;
    forwardRows(*rows, {height, width}, width, height, k % groups * kRows<double>, x + plane * height * width,
                tiled + plane * tiles * height, work);
  });
  forPieces(device, planes * tiles, kTileGrain, *columns, [&](std::int64_t k, Workspace<double> work) {
    forwardColumns(*columns, half, k % tiles, tiled + k * height, scale, spectrum + 2 * (k / tiles * height * half), work.scratch);
  });
}

void irfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* spectrum, float* x) {
  const std::int64_t half = halfWidth(width), tiles = tilesOf<double>(width), groups = groupsOf<double>(height);
  const double scale = orthonormal(height, width);
  const auto rows = fftPlanOf<double>(width), columns = fftPlanOf<double>(height);
  const Scratch memory = tilesFor<double>(device, planes, height, width);
  auto* tiled = reinterpret_cast<ComplexLanes<double>*>(memory.data());
  forPieces(device, planes * tiles, kTileGrain, *columns, [&](std::int64_t k, Workspace<double> work) {
    inverseColumns(*columns, half, k % tiles, spectrum + 2 * (k / tiles * height * half), tiled + k * height, work);
  });
  forPieces(device, planes * groups, 1, *rows, [&](std::int64_t k, Workspace<double> work) {
    const std::int64_t plane = k / groups;
    inverseRows(*rows, {height, width}, width, height, k % groups * kRows<double>, tiled + plane * tiles * height, scale,
                x + plane * height * width, work);
  });
}

void filterInFrame(Device& device, std::int64_t planes, Extent size, Extent frame, const float* weights, const float* x, float* z,
                   Extent depth) {
  const std::int64_t half = halfWidth(frame.width), tiles = tilesOf<float>(frame.width), groups = groupsOf<float>(size.height);
  const auto rows = fftPlanOf<float>(frame.width), columns = fftPlanOf<float>(frame.height);
  const float scale = 1 / static_cast<float>(frame.height * frame.width);
  const Scratch memory = tilesFor<float>(device, 1, frame.height, frame.width);
  auto* tiled = reinterpret_cast<ComplexLanes<float>*>(memory.data());
  // Of a group of rows, how far from their ends they count.
  const auto depthOf = [=](std::int64_t row) {
    return row < depth.height || row + kRows<float> > size.height - depth.height ? size.width : depth.width;
  };
  for (std::int64_t plane = 0; plane < planes; ++plane) {  // one at a time, whose tiles stay in the cache
    const float* in = x + plane * size.height * size.width;
    float* out = z + plane * size.height * size.width;
    forPieces(device, groups, 1, *rows, [&](std::int64_t k, Workspace<float> work) {
      const std::int64_t row = k * kRows<float>;
      forwardRows(*rows, size, depthOf(row), frame.height, row, in, tiled, work);
    });
    forPieces(device, tiles, kTileGrain, *columns, [&](std::int64_t k, Workspace<float> work) {
      filterColumns(*columns, half, k, size.height, weights, tiled + k * frame.height, work);
    });
    forPieces(device, groups, 1, *rows, [&](std::int64_t k, Workspace<float> work) {
      const std::int64_t row = k * kRows<float>;
      inverseRows(*rows, size, depthOf(row), frame.height, row, tiled, scale, out, work);
    });
  }
}

}  // namespace latino
