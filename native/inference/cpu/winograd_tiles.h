// Tiles of an image between the image and vectors of eight tiles.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "inference/cpu/quads.h"
#include "inference/cpu/vector8.h"
#include "inference/cpu/winograd_transforms.h"

namespace latino::cpu {

/// An image: [channels, height, width].
template <class Float>
struct Planes {
  Float* data;
  std::int64_t height, width;

  Float* at(std::int64_t channel) const { return data + channel * height * width; }
};

/// The tiles of an image. A row has an even number of them, so that neighbours can be read and written in pairs.
struct TileGrid {
  std::int64_t down, across;

  TileGrid(std::int64_t height, std::int64_t width, std::int64_t side)
      : down(ceilDivide(height, side)), across(2 * ceilDivide(width, 2 * side)) {}
  std::int64_t count() const { return down * across; }
};

/// Tiles that follow each other in the order of row, column, up to a whole number of vectors. A vector holds four pairs of
/// neighbours: the left ones in its lower lanes, the right ones in its upper lanes.
template <class Form>
class TileBlock {
 public:
  static constexpr std::int64_t kMostTiles = 32;
  /// Floats in one of the lines of `transformColumns`, at most: each tile may have a strip to itself.
  static constexpr std::int64_t kLineLength = kMostTiles * 2 * kLanes + kLanes;
  using Window = std::array<Vector8, Form::kWindow>;
  using Half = std::array<std::array<Vector8, Form::kProducts>, Form::kOutputs>;

  /// `first` and `count` are even.
  TileBlock(const TileGrid& grid, std::int64_t first, std::int64_t count) : count_(count) {
    std::int64_t row = first / grid.across, column = first % grid.across;
    for (std::int64_t t = 0; t < count; ++t) {
      if (t == 0 || column == 0) beginStrip(row, column);
      Strip& strip = strips_[stripCount_ - 1];
      tiles_[placeInVector(t)] = {row * Form::kOutputs, column * Form::kOutputs, strip.offset + strip.width - kOverlap};
      strip.width += Form::kStep;
      if (++column == grid.across) {
        column = 0;
        ++row;
      }
    }
    // What is left of the last vector reads what is there and, below the image, writes nothing.
    for (std::int64_t t = count; t < stride(); ++t) tiles_[placeInVector(t)] = {grid.down * Form::kOutputs, 0, kLanes};
  }

  /// A whole number of vectors.
  std::int64_t stride() const { return ceilDivide(count_, kLanes) * kLanes; }

  /// The transform along the columns of one channel of x, all strips of tiles side by side; lines: [kWindow + 1, kLineLength], zero where
  /// the image ends (the last line always).
  void transformColumns(const Planes<const float>& x, std::int64_t channel, float* lines) const {
    for (std::int64_t s = 0; s < stripCount_; ++s) {
      const Strip& strip = strips_[s];
      const float* plane = x.at(channel);
      const std::int64_t begin = std::max<std::int64_t>(0, strip.left), end = std::min(x.width, strip.left + strip.width);
      const float* rows[Form::kWindow];
      for (int i = 0; i < Form::kWindow; ++i) {
        const std::int64_t row = strip.top + i;
        rows[i] = row >= 0 && row < x.height ? plane + row * x.width + begin : lines + Form::kWindow * kLineLength + kLanes;
      }
      float* to = lines + strip.offset + begin - strip.left;
      if (x.width < kLanes) {
        transformColumn(rows, -begin, x.width, to - begin);
        continue;
      }
      // The last vector of a row ends with the row, and so may overlap the one before.
      const std::int64_t lastColumn = x.width - kLanes - begin;
      for (std::int64_t column = 0; column < end - begin; column += kLanes) {
        const std::int64_t from = std::min(column, lastColumn);
        transformColumn(rows, from, kLanes, to + from);
      }
    }
  }

  /// The transform along the rows of what `transformColumns` made of a channel; v: [kWindow, kWindow, tile], where `step` floats lie
  /// between the first two.
  void transformRows(const float* lines, float* v, std::int64_t step) const {
    const std::int64_t count = stride();
    for (std::int64_t t = 0; t < count; t += kLanes) {
      for (int i = 0; i < Form::kWindow; ++i) {
        Window out;
        transformInput(readLine(lines + i * kLineLength, t), out);
        float* to = v + i * Form::kWindow * step + t;
#pragma GCC unroll 6
        for (int j = 0; j < Form::kWindow; ++j) store(to + j * step, out[j]);
      }
    }
  }

  /// The way back of one channel of y; sums: [kProducts, kProducts, tile], where `step` floats lie between the first two.
  /// finish(value, residual) is what is written; residual is like y or absent.
  template <class Finish>
  void transformOutputs(const float* sums, std::int64_t step, const Planes<float>& y, const float* residual, std::int64_t channel,
                        const Finish& finish) const {
    const std::int64_t count = stride();
    for (std::int64_t t = 0; t < count; t += kLanes) {
      Half half;
// One column at a time: registers do not hold the addresses of all.
#pragma GCC unroll 1
      for (int j = 0; j < Form::kProducts; ++j) {
        std::array<Vector8, Form::kProducts> column;
#pragma GCC unroll 6
        for (int i = 0; i < Form::kProducts; ++i) column[i] = load(sums + (i * Form::kProducts + j) * step + t);
        std::array<Vector8, Form::kOutputs> out;
        transformOutput(column, out);
#pragma GCC unroll 4
        for (int i = 0; i < Form::kOutputs; ++i) half[i][j] = out[i];
      }
      if (areWhole(y, t)) {
        writeWhole(half, y, residual, channel, t, finish);
      } else {
        writeInside(half, y, residual, channel, t, finish);
      }
    }
  }

 private:
  static void transformColumn(const float* const (&rows)[Form::kWindow], std::int64_t from, std::int64_t lanes, float* to) {
    Window values, transformed;
#pragma GCC unroll 6
    for (int i = 0; i < Form::kWindow; ++i) values[i] = loadFirst(rows[i] + from, lanes);
    transformInput(values, transformed);
#pragma GCC unroll 6
    for (int i = 0; i < Form::kWindow; ++i) store(to + i * kLineLength, transformed[i]);
  }

  /// What eight tiles, from tile t on, read of a line.
  Window readLine(const float* line, std::int64_t t) const {
    const Tile* tile = &tiles_[t];
    const auto transposedFrom = [&](int first) {
      std::array<Vector8, 4> quads;
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) {
        const float* pair = line + tile[k].offset + first;
        quads[k] = Form::kStep == 4 ? load(pair) : loadQuads(pair, pair + Form::kStep);
      }
      return transposeQuads(quads);
    };
    const std::array<Vector8, 4> pixels = transposedFrom(0);
    if constexpr (Form::kWindow == 4) {
      return pixels;
    } else {
      const std::array<Vector8, 4> more = transposedFrom(4);
      return {pixels[0], pixels[1], pixels[2], pixels[3], more[0], more[1]};
    }
  }

  /// By how much a tile reads into the next.
  static constexpr std::int64_t kOverlap = Form::kWindow - Form::kStep;

  static std::int64_t placeInVector(std::int64_t t) { return t / kLanes * kLanes + t % 2 * (kLanes / 2) + t % kLanes / 2; }

  struct Tile {
    std::int64_t top, left;  // of its outputs
    std::int64_t offset;     // of what it reads, in a line
  };
  /// Neighbouring tiles of one row.
  struct Strip {
    std::int64_t top, left;  // of what it reads
    std::int64_t width;
    std::int64_t offset;  // in a line; a vector's width before it is nobody's
  };

  void beginStrip(std::int64_t row, std::int64_t column) {
    std::int64_t offset = kLanes;
    if (stripCount_ > 0) {
      const Strip& before = strips_[stripCount_ - 1];
      offset = before.offset + ceilDivide(before.width, kLanes) * kLanes + kLanes;
    }
    strips_[stripCount_++] = {row * Form::kStep - 1, column * Form::kStep - 1, kOverlap, offset};
  }

  /// Eight tiles that lie wholly inside the image.
  bool areWhole(const Planes<float>& y, std::int64_t t) const {
    return std::all_of(&tiles_[t], &tiles_[t] + kLanes,
                       [&](const Tile& tile) { return tile.top + Form::kOutputs <= y.height && tile.left + Form::kOutputs <= y.width; });
  }

  template <class Finish>
  void writeWhole(const Half& half, const Planes<float>& y, const float* residual, std::int64_t channel, std::int64_t t,
                  const Finish& finish) const {
    std::int64_t at[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) at[lane] = placeOf(tiles_[t + lane], y, channel);
    for (int i = 0; i < Form::kOutputs; ++i) {
      std::array<Vector8, Form::kOutputs> values;
      transformOutput(half[i], values);
      writeRow(values, at, y.data + i * y.width, residual == nullptr ? nullptr : residual + i * y.width, finish);
    }
  }

  template <class Finish>
  static void writeRow(const std::array<Vector8, 4>& values, const std::int64_t (&at)[kLanes], float* y, const float* residual,
                       const Finish& finish) {
    const std::array<Vector8, 4> pixels = transposeQuads(values);
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      const Vector8 sum = residual == nullptr ? Vector8{} : load(residual + at[k]);
      store(y + at[k], finish(pixels[k], sum));
    }
  }
  template <class Finish>
  static void writeRow(const std::array<Vector8, 2>& values, const std::int64_t (&at)[kLanes], float* y, const float* residual,
                       const Finish& finish) {
    const std::array<Vector8, 2> pixels = {zipLow(values[0], values[1]), zipHigh(values[0], values[1])};
#pragma GCC unroll 2
    for (int k = 0; k < 2; ++k) {
      const std::int64_t a = at[2 * k], b = at[2 * k + 1], c = at[2 * k + 4], d = at[2 * k + 5];
      const Vector8 sum = residual == nullptr ? Vector8{} : loadPairs(residual + a, residual + b, residual + c, residual + d);
      storePairs(y + a, y + b, y + c, y + d, finish(pixels[k], sum));
    }
  }

  template <class Finish>
  void writeInside(const Half& half, const Planes<float>& y, const float* residual, std::int64_t channel, std::int64_t t,
                   const Finish& finish) const {
    for (int i = 0; i < Form::kOutputs; ++i) {
      std::array<Vector8, Form::kOutputs> values;
      transformOutput(half[i], values);
      for (int lane = 0; lane < kLanes; ++lane) {
        const Tile& tile = tiles_[t + lane];
        if (tile.top + i >= y.height) continue;
        const std::int64_t at = placeOf(tile, y, channel) + i * y.width;
        const std::int64_t columns = std::min<std::int64_t>(Form::kOutputs, y.width - tile.left);
        for (std::int64_t j = 0; j < columns; ++j) y.data[at + j] = finish(values[j][lane], residual == nullptr ? 0.0F : residual[at + j]);
      }
    }
  }

  static std::int64_t placeOf(const Tile& tile, const Planes<float>& y, std::int64_t channel) {
    return (channel * y.height + tile.top) * y.width + tile.left;
  }

  std::int64_t count_, stripCount_ = 0;
  std::array<Tile, kMostTiles> tiles_;
  std::array<Strip, kMostTiles> strips_;
};

}  // namespace latino::cpu
