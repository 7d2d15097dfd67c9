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

using FloatLanes = float __attribute__((vector_size(16)));

/// Calls body(index, workspace) for every index in [0, n).
template <class Body>
void forPieces(Device& device, std::int64_t n, std::int64_t grain, const FftPlan& plan, const Body& body) {
  threadsOf(device).parallelFor(n, grain, [&](std::int64_t begin, std::int64_t end) {
    const Scratch memory(device, workspaceOf(plan) * static_cast<std::int64_t>(sizeof(ComplexLanes) / sizeof(float)));
    auto* data = reinterpret_cast<ComplexLanes*>(memory.data());
    for (std::int64_t i = begin; i < end; ++i) body(i, Workspace{data, data + plan.length()});
  });
}

/// Eight rows of a plane from their half spectra in its tiles, times `scale`.
void inverseRows(const FftPlan& plan, std::int64_t height, std::int64_t row, const ComplexLanes* tiles, double scale, float* plane,
                 Workspace work) {
  const std::int64_t width = plan.length(), half = halfWidth(width), count = std::min(kRows, height - row);
  for (std::int64_t at = 0; at < half; at += kFftLanes) {
    const ComplexLanes* in = tiles + at / kFftLanes * height + row;
    Lanes firstRe[4] = {}, firstIm[4] = {}, secondRe[4] = {}, secondIm[4] = {};
    for (std::int64_t r = 0; r < count; ++r) {
      (r < kFftLanes ? firstRe[r] : secondRe[r - kFftLanes]) = in[r].re;
      (r < kFftLanes ? firstIm[r] : secondIm[r - kFftLanes]) = in[r].im;
    }
    for (auto* lanes : {&firstRe, &firstIm, &secondRe, &secondIm}) transpose(*lanes);
    for (std::int64_t c = 0; c < std::min(kFftLanes, half - at); ++c) {
      const std::int64_t k = at + c;
      // A real row has no imaginary part there; one would leak into the row that shares its transform.
      if (k == 0 || 2 * k == width) firstIm[c] = secondIm[c] = Lanes{};
      // With real and imaginary part exchanged, for the way back.
      work.data[k] = ComplexLanes{firstIm[c] + secondRe[c], firstRe[c] - secondIm[c]};
      if (k > 0) work.data[width - k] = ComplexLanes{secondRe[c] - firstIm[c], firstRe[c] + secondIm[c]};
    }
  }
  const ComplexLanes* z = plan.transform(work.data, work.scratch);
  for (std::int64_t at = 0; at < width; at += kFftLanes) {
    Lanes first[4] = {}, second[4] = {};
    const std::int64_t columns = std::min(kFftLanes, width - at);
    for (std::int64_t c = 0; c < columns; ++c) {
      first[c] = scale * z[at + c].im;
      second[c] = scale * z[at + c].re;
    }
    transpose(first);
    transpose(second);
    for (std::int64_t r = 0; r < count; ++r) {
      const Lanes& values = r < kFftLanes ? first[r] : second[r - kFftLanes];
      float* out = plane + (row + r) * width + at;
      for (std::int64_t c = 0; c < columns; ++c) out[c] = static_cast<float>(values[c]);
    }
  }
}

/// The columns of a tile from a half spectrum, not scaled.
void inverseColumns(const FftPlan& plan, std::int64_t half, std::int64_t tile, const float* spectrum, ComplexLanes* columns,
                    Workspace work) {
  const std::int64_t first = tile * kFftLanes, count = std::min(kFftLanes, half - first);
  for (std::int64_t r = 0; r < plan.length(); ++r) {
    const float* in = spectrum + 2 * (r * half + first);
    ComplexLanes& exchanged = work.data[r];
    exchanged = ComplexLanes{};
    for (std::int64_t c = 0; c < count; ++c) {
      exchanged.re[c] = static_cast<double>(in[2 * c + 1]);
      exchanged.im[c] = static_cast<double>(in[2 * c]);
    }
  }
  const ComplexLanes* z = plan.transform(work.data, work.scratch);
  for (std::int64_t r = 0; r < plan.length(); ++r) columns[r] = {z[r].im, z[r].re};
}

/// Memory for the tiles of `planes` planes.
Scratch tilesFor(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width) {
  return {device, planes * tilesOf(width) * height * static_cast<std::int64_t>(sizeof(ComplexLanes) / sizeof(float))};
}

double orthonormal(std::int64_t height, std::int64_t width) { return 1 / std::sqrt(static_cast<double>(height * width)); }

}  // namespace

void rfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* x, float* spectrum) {
  const std::int64_t half = halfWidth(width), tiles = tilesOf(width), groups = groupsOf(height);
  const double scale = orthonormal(height, width);
  const auto rows = fftPlanOf(width), columns = fftPlanOf(height);
  const Scratch memory = tilesFor(device, planes, height, width);
  auto* tiled = reinterpret_cast<ComplexLanes*>(memory.data());
  forPieces(device, planes * groups, 1, *rows, [&](std::int64_t k, Workspace work) {
    const std::int64_t plane = k / groups;
    forwardRows(*rows, height, k % groups * kRows, x + plane * height * width, tiled + plane * tiles * height, work);
  });
  forPieces(device, planes * tiles, kTileGrain, *columns, [&](std::int64_t k, Workspace work) {
    forwardColumns(*columns, half, k % tiles, tiled + k * height, scale, spectrum + 2 * (k / tiles * height * half), work.scratch);
  });
}

void irfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* spectrum, float* x) {
  const std::int64_t half = halfWidth(width), tiles = tilesOf(width), groups = groupsOf(height);
  const double scale = orthonormal(height, width);
  const auto rows = fftPlanOf(width), columns = fftPlanOf(height);
  const Scratch memory = tilesFor(device, planes, height, width);
  auto* tiled = reinterpret_cast<ComplexLanes*>(memory.data());
  forPieces(device, planes * tiles, kTileGrain, *columns, [&](std::int64_t k, Workspace work) {
    inverseColumns(*columns, half, k % tiles, spectrum + 2 * (k / tiles * height * half), tiled + k * height, work);
  });
  forPieces(device, planes * groups, 1, *rows, [&](std::int64_t k, Workspace work) {
    const std::int64_t plane = k / groups;
    inverseRows(*rows, height, k % groups * kRows, tiled + plane * tiles * height, scale, x + plane * height * width, work);
  });
}

}  // namespace latino
