// The steps of a 3 x 3 convolution over a rectangle of tiles: its pixels are copied, channels side by side and with a border of zeros;
// windows of them are transformed; the products of a panel of outputs follow; and the way back. Channels are the lanes of every vector.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "inference/layers/gemm.h"
#include "inference/layers/layout.h"
#include "inference/layers/thread_scratch.h"
#include "inference/layers/winograd_transforms.h"

namespace latino::layers {

/// Tiles of an image, by their row and column among all tiles.
struct TileRectangle {
  std::int64_t row, column, down, across;

  std::int64_t count() const { return down * across; }
  /// The rows [first, last) of it.
  TileRectangle rows(std::int64_t first, std::int64_t last) const { return {row + first, column, last - first, across}; }
};

/// Of the pixels that a rectangle of tiles reads.
template <class Form>
struct Frame {
  std::int64_t top, left, rows, columns;

  explicit Frame(const TileRectangle& tiles)
      : top(tiles.row * Form::kStep - 1),
        left(tiles.column * Form::kStep - 1),
        rows(tiles.down * Form::kStep + Form::kWindow - Form::kStep),
        columns(tiles.across * Form::kStep + Form::kWindow - Form::kStep) {}
  std::int64_t pixels() const { return rows * columns; }
};

struct SourceImage {
  const float* data;
  std::int64_t height, width, channels;
  Layout layout;
};

/// Copies `count` pixels of a row, from `pixel` of the image on; to: [pixel, `step` floats], of which `channels` are written. Those that
/// the image does not have are zero.
inline void copyPixels(const SourceImage& x, std::int64_t pixel, std::int64_t count, std::int64_t firstChannel, std::int64_t channels,
                       float* to, std::int64_t step) {
  if (x.layout == Layout::tokens) {
    if (channels == x.channels && channels == step) {
      for (std::int64_t i = 0; i < count * channels; i += kLanes) store(to + i, load(x.data + pixel * channels + i));
      return;
    }
    for (std::int64_t p = 0; p < count; ++p)
      for (std::int64_t c = 0; c < channels; c += kLanes)
        store(to + p * step + c, load(x.data + (pixel + p) * x.channels + firstChannel + c));
    return;
  }
  const std::int64_t plane = x.height * x.width;
  if (channels < kLanes) {
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t p = 0; p < count; ++p) to[p * step + c] = x.data[(firstChannel + c) * plane + pixel + p];
    return;
  }
  for (std::int64_t c = 0; c < channels; c += kLanes) {
    const float* planes = x.data + (firstChannel + c) * plane + pixel;
    const std::int64_t given = std::min<std::int64_t>(kLanes, x.channels - firstChannel - c);
    for (std::int64_t begin = 0; begin < count; begin += kLanes) {
      // The last vector ends with the row, and so may overlap the one before.
      const std::int64_t p = std::max<std::int64_t>(0, std::min(begin, count - kLanes));
      const std::int64_t lanes = std::min<std::int64_t>(kLanes, count - p);
      Block8 block = {};
      for (std::int64_t i = 0; i < given; ++i) block[i] = loadFirst(planes + i * plane + p, lanes);
      transpose(block);
      const std::int64_t written = std::min<std::int64_t>(kLanes, channels - c);
      for (std::int64_t i = 0; i < lanes; ++i) storeFirst(to + (p + i) * step + c, block[i], written);
    }
  }
}

/// padded: [rows, columns, `step` floats] of the frame, of which `channels` are written.
template <class Form>
void copyFrame(const SourceImage& x, const Frame<Form>& frame, std::int64_t firstChannel, std::int64_t channels, float* padded,
               std::int64_t step) {
  const auto clear = [&](float* to, std::int64_t count) {
    for (std::int64_t p = 0; p < count; ++p) std::fill_n(to + p * step, channels, 0.0F);
  };
  const std::int64_t begin = std::max<std::int64_t>(0, -frame.left);
  const std::int64_t end = std::max(begin, std::min(frame.columns, x.width - frame.left));
  for (std::int64_t i = 0; i < frame.rows; ++i) {
    float* to = padded + i * frame.columns * step;
    const std::int64_t row = frame.top + i;
    if (row < 0 || row >= x.height) {
      clear(to, frame.columns);
      continue;
    }
    clear(to, begin);
    copyPixels(x, row * x.width + frame.left + begin, end - begin, firstChannel, channels, to + begin * step, step);
    clear(to + end * step, frame.columns - end);
  }
}

/// The transformed windows of some tiles: [tile, frequency, channel], whole vectors of channels of which `inputs` are the image's. A cache
/// line between tiles keeps them out of each other's cache sets.
template <class Form, class Float = float>
struct Windows {
  static constexpr std::int64_t kFrequencies = Form::kWindow * Form::kWindow;
  Float* data;
  std::int64_t channels, inputs;

  static std::int64_t tileStride(std::int64_t channels) { return kFrequencies * channels + kPanel; }
  Float* at(std::int64_t tile) const { return data + tile * tileStride(channels); }
};

/// Some channels of one window, whole vectors. rows: where each row of it begins, with `step` floats from pixel to pixel; to: [frequency,
/// `stride` floats]
template <class Form>
void transformWindow(const std::array<const float*, Form::kWindow>& rows, std::int64_t step, std::int64_t channels, float* to,
                     std::int64_t stride) {
  constexpr int kSide = Form::kWindow;
  for (std::int64_t c = 0; c < channels; c += kLanes) {
    std::array<std::array<Vector8, kSide>, kSide> half;
    for (int j = 0; j < kSide; ++j) {
      std::array<Vector8, kSide> column, out;
      for (int i = 0; i < kSide; ++i) column[i] = load(rows[i] + j * step + c);
      Form::transformInput(column, out);
      for (int i = 0; i < kSide; ++i) half[i][j] = out[i];
    }
    for (int i = 0; i < kSide; ++i) {
      std::array<Vector8, kSide> out;
      Form::transformInput(half[i], out);
      for (int j = 0; j < kSide; ++j) store(to + (i * kSide + j) * stride + c, out[j]);
    }
  }
}

/// Makes `channels` channels, whole vectors, of the windows of some tiles, from window `firstTile` on.
template <class Form>
void transformWindows(const SourceImage& x, const TileRectangle& tiles, std::int64_t firstChannel, std::int64_t channels,
                      const Windows<Form>& windows, std::int64_t firstTile) {
  constexpr int kSide = Form::kWindow;
  thread_local HostVector<float> memory, nothing;
  // Pixels whose channels lie side by side are read where they are, but for windows that begin or end outside the image.
  const bool isInPlace = x.layout == Layout::tokens;
  const Frame<Form> frame(tiles);
  float* padded = scratch(memory, (isInPlace ? kSide * kSide : frame.pixels()) * channels);
  const float* zeros = scratch(nothing, kSide * x.channels);
  if (!isInPlace) copyFrame(x, frame, firstChannel, channels, padded, channels);
  for (std::int64_t t = 0; t < tiles.count(); ++t) {
    const std::int64_t row = t / tiles.across, column = t % tiles.across;
    std::array<const float*, kSide> rows;
    std::int64_t step = channels;
    if (!isInPlace) {
      for (int i = 0; i < kSide; ++i) rows[i] = padded + ((row * Form::kStep + i) * frame.columns + column * Form::kStep) * channels;
    } else if (const Frame<Form> window({tiles.row + row, tiles.column + column, 1, 1});
               window.left >= 0 && window.left + kSide <= x.width) {
      step = x.channels;
      for (int i = 0; i < kSide; ++i) {
        const std::int64_t y = window.top + i;
        rows[i] = y < 0 || y >= x.height ? zeros : x.data + (y * x.width + window.left) * x.channels + firstChannel;
      }
    } else {
      copyFrame(x, window, firstChannel, channels, padded, channels);
      for (int i = 0; i < kSide; ++i) rows[i] = padded + i * kSide * channels;
    }
    transformWindow<Form>(rows, step, channels, windows.at(firstTile + t) + firstChannel, windows.channels);
  }
}

/// Transformed weights of a panel for some channels of the windows: [frequency, `stride` floats], of each channel sixteen.
struct Filters {
  const float* data;
  std::int64_t stride, firstChannel, channels;
};

/// Channels whose filters are transformed at once: what comes of them stays in the second-level cache.
inline constexpr std::int64_t kFilterChannels = 128;
/// A cache line between frequencies keeps them out of each other's cache sets.
inline constexpr std::int64_t kFilterStride = (kFilterChannels + 1) * kPanel;

/// The filters of a panel for at most `kFilterChannels` channels from `first` on. taps: [tap, channel, 16]; to: [frequency, kFilterStride]
template <class Form, class Weight>
Filters transformFilters(const Weight* taps, std::int64_t allChannels, std::int64_t first, float* to) {
  const std::int64_t channels = std::min(kFilterChannels, allChannels - first);
  for (std::int64_t at = 0; at < channels * kPanel; at += kLanes)
    transformFilter<Form, Vector8>([&](int tap) { return widen(taps + (tap * allChannels + first) * kPanel + at); },
                                   [&](int product, Vector8 value) { store(to + product * kFilterStride + at, value); });
  return {to, kFilterStride, first, channels};
}

/// The same of all channels in double, for filters that are kept. taps: [tap, channel, 16]; to: [frequency, `stride` channels, 16]
template <class Form, class Weight>
void transformPrecisely(const Weight* taps, std::int64_t channels, std::int64_t stride, float* to) {
  constexpr int kFrequencies = Form::kProducts * Form::kProducts;
  constexpr int kQuarters = 4, kSize = kPanel / kQuarters;
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    Vector4 filters[9][kQuarters], transformed[kFrequencies][kQuarters];
    for (int tap = 0; tap < 9; ++tap)
      for (int v = 0; v < kPanel; v += kLanes)
        store(reinterpret_cast<float*>(&filters[tap][v / kSize]), widen(taps + (tap * channels + channel) * kPanel + v));
    for (int q = 0; q < kQuarters; ++q)
      transformFilter<Form, Double4>(
          [&](int tap) { return __builtin_convertvector(filters[tap][q], Double4); },
          [&](int product, Double4 value) { transformed[product][q] = __builtin_convertvector(value, Vector4); });
    // Whole cache lines at a time: frequencies lie far apart.
    for (int f = 0; f < kFrequencies; ++f) std::memcpy(to + (f * stride + channel) * kPanel, transformed[f], kPanel * sizeof(float));
  }
  for (int f = 0; f < kFrequencies; ++f) std::fill(to + (f * stride + channels) * kPanel, to + (f + 1) * stride * kPanel, 0.0F);
}

/// One frequency's products for `count` windows, the first at `windows`, the next ones `windowStride` floats on; products: [window,
/// `stride` floats]. A function of its own, for every form: what it computes is unrolled.
template <int vectors>
[[gnu::noinline]] void multiplyFrequency(const float* windows, std::int64_t windowStride, std::int64_t count, const float* filters,
                                         std::int64_t channels, bool adds, float* products, std::int64_t stride) {
  forRowGroups<vectors>(count, [&]<int rows>(std::int64_t group) {
    std::array<const float*, rows> from;
    for (int r = 0; r < rows; ++r) from[r] = windows + (group + r) * windowStride;
    float* to = products + group * stride;
    Sums<rows, vectors> sums = {};
    if (adds) loadRows<rows, vectors>(to, sums, stride);
    multiplyAdd<rows, float, vectors>(from, {.count = channels}, filters, sums);
    storeRows<rows, vectors>(sums, to, stride);
  });
}

/// The products of `vectors` times eight outputs of a panel for `count` windows from `first` on; products: [window, frequency, 16]. Those
/// of the first channels are written, those of further ones added.
template <class Form>
void multiplyWindows(const Windows<Form, const float>& windows, std::int64_t first, std::int64_t count, const Filters& filters, int vectors,
                     float* products) {
  constexpr int kFrequencies = Form::kProducts * Form::kProducts;
  const auto multiply = vectors == 2 ? &multiplyFrequency<2> : &multiplyFrequency<1>;
  for (int f = 0; f < kFrequencies; ++f) {
    const int factor = Form::kFactor[f / Form::kProducts] * Form::kWindow + Form::kFactor[f % Form::kProducts];
    multiply(windows.at(first) + factor * windows.channels + filters.firstChannel, windows.tileStride(windows.channels), count,
             filters.data + f * filters.stride, filters.channels, filters.firstChannel > 0, products + f * kPanel, kFrequencies * kPanel);
  }
}

/// The results of one panel: calls write(row of the image, column, first output of the panel's eight, pixels of a row).
template <class Form, class Write>
void transformBack(const TileRectangle& tiles, const float* products, int vectors, std::int64_t height, const Write& write) {
  constexpr int kSide = Form::kProducts, kOutputs = Form::kOutputs;
  for (std::int64_t t = 0; t < tiles.count(); ++t, products += kSide * kSide * kPanel) {
    const std::int64_t top = (tiles.row + t / tiles.across) * kOutputs, left = (tiles.column + t % tiles.across) * kOutputs;
    for (int v = 0; v < vectors * kLanes; v += kLanes) {
      std::array<std::array<Vector8, kSide>, kOutputs> half;
      for (int j = 0; j < kSide; ++j) {
        std::array<Vector8, kSide> column;
        for (int i = 0; i < kSide; ++i) column[i] = load(products + (i * kSide + j) * kPanel + v);
        std::array<Vector8, kOutputs> out;
        Form::transformOutput(column, out);
        for (int i = 0; i < kOutputs; ++i) half[i][j] = out[i];
      }
#pragma GCC unroll 4
      for (int i = 0; i < kOutputs; ++i) {
        if (top + i >= height) break;
        std::array<Vector8, kOutputs> out;
        Form::transformOutput(half[i], out);
        write(top + i, left, v, out);
      }
    }
  }
}

/// The sums over all taps for a group of pixels; a function of its own, so that its pointers and sums have all registers.
template <int rows, class Weight>
[[gnu::noinline]] void sumTaps(const std::array<const float*, rows>& from, std::int64_t channels, std::int64_t rowStride,
                               const Weight* weights, float* to) {
  Sums<rows> sums = {};
  // Three taps that lie side by side are one run.
  multiplyAdd<rows, Weight, 2>(from, {.count = 3 * channels, .runs = 3, .runStride = rowStride}, weights, sums);
  storeRows<rows, 2>(sums, to);
}

/// The same without tiles, for rows of pixels of the rectangle from `firstRow` on: sums over the taps. padded: [rows, columns, channels] of
/// the whole rectangle's frame.
template <class Form, class Weight, class Write>
void multiplyTaps(const TileRectangle& pixels, std::int64_t firstRow, std::int64_t rowCount, const float* padded, std::int64_t channels,
                  const Weight* weights, const Write& write) {
  const std::int64_t rowStride = Frame<Form>(pixels).columns * channels;
  forRowGroups(rowCount * pixels.across, [&]<int rows>(std::int64_t group) {
    std::array<const float*, rows> from;
    std::int64_t row = firstRow + group / pixels.across, column = group % pixels.across;
    const std::int64_t top = row, left = column;
    const auto advance = [&] {
      if (++column < pixels.across) return;
      column = 0;
      ++row;
    };
    for (int r = 0; r < rows; ++r, advance()) from[r] = padded + row * Form::kStep * rowStride + column * Form::kStep * channels;
    alignas(kLanes * sizeof(float)) float sums[rows * kPanel];
    sumTaps<rows>(from, channels, rowStride, weights, sums);
    row = top;
    column = left;
    for (int r = 0; r < rows; ++r, advance())
      for (int v = 0; v < kPanel; v += kLanes)
        write(pixels.row + row, pixels.column + column, v, std::array<Vector8, 1>{load(sums + r * kPanel + v)});
  });
}

}  // namespace latino::layers
