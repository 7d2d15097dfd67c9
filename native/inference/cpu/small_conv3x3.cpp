#include "inference/cpu/small_conv3x3.h"

#include <algorithm>
#include <vector>

#include "inference/cpu/image_rows.h"
#include "inference/cpu/winograd_transforms.h"

namespace latino::cpu {

namespace {

/// How an image is cut into tiles. Around it lies a border of zeros.
template <int tile>
struct Tiling {
  static constexpr int kSide = tile + 2, kFrequencies = kSide * kSide;

  std::int64_t height, width, channels;
  std::int64_t down = ceilDivide(height, tile), across = ceilDivide(width, tile), tiles = down * across;
  std::int64_t rows = down * tile + 2, columns = across * tile + 2;  // with the border
};

/// Fills eight channels of [rows, columns, channels] from planes of height x width pixels, each pixel `repeat` times both ways.
template <int tile>
void fill(const Tiling<tile>& to, float* padded, std::int64_t channels, const float* planes, std::int64_t count, std::int64_t repeat) {
  const auto at = [&](std::int64_t row, std::int64_t column) { return padded + (row * to.columns + column) * channels; };
  for (std::int64_t row = 0; row < to.rows; ++row) {
    const bool isInside = row > 0 && row <= to.height;
    for (std::int64_t column = 0; column < to.columns; ++column)
      if (!isInside || column == 0 || column > to.width) store(at(row, column), Vector8{});
  }
  const std::int64_t width = to.width / repeat, pixels = to.height / repeat * width;
  std::int64_t row = 0, column = 0;
  for (std::int64_t pixel = 0; pixel < pixels; pixel += kLanes) {
    const std::int64_t lanes = std::min<std::int64_t>(kLanes, pixels - pixel);
    Block8 block = {};
    for (std::int64_t c = 0; c < count; ++c) block[c] = loadFirst(planes + c * pixels + pixel, lanes);
    transpose(block);
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      for (std::int64_t i = 1; i <= repeat; ++i)
        for (std::int64_t j = 1; j <= repeat; ++j) store(at(row * repeat + i, column * repeat + j), block[lane]);
      if (++column == width) {
        column = 0;
        ++row;
      }
    }
  }
}

/// Eight channels of all windows. padded: [rows, columns, 8]; to: [frequency, tile, channels]
template <int tile>
void transformWindows(const Tiling<tile>& tiling, const float* padded, float* to) {
  constexpr int kSide = Tiling<tile>::kSide;
  for (std::int64_t t = 0; t < tiling.tiles; ++t) {
    const float* window = padded + (t / tiling.across * tile * tiling.columns + t % tiling.across * tile) * kLanes;
    std::array<std::array<Vector8, kSide>, kSide> half;
    for (int j = 0; j < kSide; ++j) {
      std::array<Vector8, kSide> column, out;
      for (int i = 0; i < kSide; ++i) column[i] = load(window + (i * tiling.columns + j) * kLanes);
      transformInput(column, out);
      for (int i = 0; i < kSide; ++i) half[i][j] = out[i];
    }
    for (int i = 0; i < kSide; ++i) {
      std::array<Vector8, kSide> out;
      transformInput(half[i], out);
      for (int j = 0; j < kSide; ++j) store(to + ((i * kSide + j) * tiling.tiles + t) * tiling.channels, out[j]);
    }
  }
}

/// The products of one panel for the tiles of some rows. windows: [frequency, tile, channels]; to: [frequency, tile of these, 16]
template <int tile, class Weight>
void multiplyTiles(const Tiling<tile>& tiling, const float* windows, std::int64_t first, std::int64_t count, const Weight* weights,
                   float* to) {
  for (int f = 0; f < Tiling<tile>::kFrequencies; ++f)
    forRowGroups(count, [&]<int rows>(std::int64_t group) {
      std::array<const float*, rows> from;
      for (int r = 0; r < rows; ++r) from[r] = windows + (f * tiling.tiles + first + group + r) * tiling.channels;
      Sums<rows> sums = {};
      multiplyAdd<rows>(from, 1, weights + f * tiling.channels * kPanel, tiling.channels, sums);
      storeRows<rows>(sums, to + (f * count + group) * kPanel);
    });
}

/// The same without tiles: sums over the taps. padded: [rows, columns, channels]; to: [pixel of these, 16]
template <class Weight>
void multiplyPixels(const Tiling<1>& tiling, const float* padded, std::int64_t first, std::int64_t count, const Weight* weights,
                    float* to) {
  forRowGroups(count, [&]<int rows>(std::int64_t group) {
    Sums<rows> sums = {};
    std::array<const float*, rows> from;
    for (int tap = 0; tap < 9; ++tap) {
      for (int r = 0; r < rows; ++r) {
        const std::int64_t pixel = first + group + r;
        from[r] = padded + ((pixel / tiling.width + tap / 3) * tiling.columns + pixel % tiling.width + tap % 3) * tiling.channels;
      }
      multiplyAdd<rows>(from, 1, weights + tap * tiling.channels * kPanel, tiling.channels, sums);
    }
    storeRows<rows>(sums, to + group * kPanel);
  });
}

/// products: [frequency, tile, 16] of whole rows of tiles; to: [row, column, 16], of which `height` rows exist
template <int tile>
void transformBack(const Tiling<tile>& tiling, const float* products, std::int64_t count, std::int64_t height, float* to) {
  constexpr int kSide = Tiling<tile>::kSide;
  for (std::int64_t t = 0; t < count; ++t) {
    const std::int64_t top = t / tiling.across * tile, left = t % tiling.across * tile;
    for (int v = 0; v < kPanel; v += kLanes) {
      std::array<std::array<Vector8, kSide>, tile> half;
      for (int j = 0; j < kSide; ++j) {
        std::array<Vector8, kSide> column;
        for (int i = 0; i < kSide; ++i) column[i] = load(products + ((i * kSide + j) * count + t) * kPanel + v);
        std::array<Vector8, tile> out;
        transformOutput(column, out);
        for (int i = 0; i < tile; ++i) half[i][j] = out[i];
      }
      for (int i = 0; i < tile && top + i < height; ++i) {
        std::array<Vector8, tile> out;
        transformOutput(half[i], out);
        for (int j = 0; j < tile && left + j < tiling.width; ++j) store(to + ((top + i) * tiling.width + left + j) * kPanel + v, out[j]);
      }
    }
  }
}

}  // namespace

SmallConv3x3::SmallConv3x3(ReadWeight weight, std::int64_t outputs, std::int64_t inputs, unsigned threads, bool isTransposed)
    : weight_(std::move(weight)), outputs_(outputs), inputs_(inputs), threads_(threads), isTransposed_(isTransposed) {}

/// [panel, frequency, input, output of the panel]; without tiles the taps take the place of the frequencies.
template <int tile>
PackedWeights SmallConv3x3::packed() const {
  const std::int64_t channels = ceilDivide(inputs_, kLanes) * kLanes;
  const WeightValues values = weight_();
  const auto filter = [&](std::int64_t output, std::int64_t input) {
    return 9 * (isTransposed_ ? input * outputs_ + output : output * inputs_ + input);
  };
  if constexpr (tile == 1) {
    return {values, outputs_, 9 * channels, [&](std::int64_t output, std::int64_t term) -> std::int64_t {
              const std::int64_t tap = term / channels, input = term % channels;
              if (input >= inputs_) return -1;
              return filter(output, input) + (isTransposed_ ? 8 - tap : tap);
            }};
  } else {
    constexpr int kSide = Tiling<tile>::kSide, kFrequencies = Tiling<tile>::kFrequencies;
    const std::vector<float> floats = widened(values);
    std::vector<float> transformed(static_cast<std::size_t>(outputs_ * inputs_ * kFrequencies));
    for (std::int64_t output = 0; output < outputs_; ++output)
      for (std::int64_t input = 0; input < inputs_; ++input) {
        const float* taps = floats.data() + filter(output, input);
        std::array<std::array<double, kSide>, 3> columns;
        for (int j = 0; j < 3; ++j) {
          const auto tap = [&](int i) -> double { return taps[isTransposed_ ? 8 - 3 * i - j : 3 * i + j]; };
          transformWeight(std::array<double, 3>{tap(0), tap(1), tap(2)}, columns[j]);
        }
        for (int i = 0; i < kSide; ++i) {
          std::array<double, kSide> row;
          transformWeight({columns[0][i], columns[1][i], columns[2][i]}, row);
          std::transform(row.begin(), row.end(), transformed.begin() + ((output * inputs_ + input) * kSide + i) * kSide,
                         [](double value) { return static_cast<float>(value); });
        }
      }
    return {WeightValues(std::move(transformed)), outputs_, kFrequencies * channels,
            [&](std::int64_t output, std::int64_t term) -> std::int64_t {
              const std::int64_t frequency = term / channels, input = term % channels;
              return input >= inputs_ ? -1 : (output * inputs_ + input) * kFrequencies + frequency;
            }};
  }
}

void SmallConv3x3::run(const Conv3x3Arguments& a, const ParallelFor& parallelFor) {
  // The rows of the products, and the time to read a weight, which is worth that of about sixteen rows where it is a float.
  const auto cost = [&](std::int64_t tile, std::int64_t reading) {
    const std::int64_t tiles = ceilDivide(a.height, tile) * ceilDivide(a.width, tile);
    return (tile + 2) * (tile + 2) * (tiles + reading);
  };
  const std::int64_t pixelwise = cost(1, 8), small = cost(2, 16), large = cost(4, 16);
  if (pixelwise <= std::min(small, large))
    runForm<1>(a, parallelFor);
  else if (small < large)
    runForm<2>(a, parallelFor);
  else
    runForm<4>(a, parallelFor);
}

template <int tile>
void SmallConv3x3::runForm(const Conv3x3Arguments& a, const ParallelFor& parallelFor) {
  std::call_once(once_[tile], [&] { packed_[tile] = std::make_unique<PackedWeights>(packed<tile>()); });
  const PackedWeights& weights = *packed_[tile];
  const Tiling<tile> tiling{a.height, a.width, ceilDivide(inputs_, kLanes) * kLanes};
  const std::int64_t repeat = a.upsample ? 2 : 1, pixels = a.height * a.width, sourcePixels = pixels / (repeat * repeat);
  const std::int64_t panels = ceilDivide(outputs_, kPanel);
  const std::int64_t shares = std::min(tiling.down, ceilDivide(2 * static_cast<std::int64_t>(threads_), panels));
  thread_local std::vector<float> windowMemory, paddedMemory, productMemory, rowMemory;
  // [frequency, tile, channel]; without tiles the padded image itself.
  const std::int64_t rows = tile == 1 ? tiling.rows * tiling.columns : tiling.kFrequencies * tiling.tiles;
  float* windows = scratch(windowMemory, rows * tiling.channels);

  for (std::int64_t n = 0; n < a.n; ++n) {
    parallelFor(static_cast<std::size_t>(tiling.channels / kLanes), [&](std::size_t index) {
      const std::int64_t channel = static_cast<std::int64_t>(index) * kLanes, count = std::min<std::int64_t>(kLanes, inputs_ - channel);
      const float* planes = a.x + (n * inputs_ + channel) * sourcePixels;
      if constexpr (tile == 1) {
        fill(tiling, windows + channel, tiling.channels, planes, count, repeat);
      } else {
        float* padded = scratch(paddedMemory, tiling.rows * tiling.columns * kLanes);
        fill(tiling, padded, kLanes, planes, count, repeat);
        transformWindows(tiling, padded, windows + channel);
      }
    });

    const std::int64_t plane = n * pixels * outputs_;
    const float* residual = a.residual == nullptr ? nullptr : a.residual + plane;
    const ImageWriter image = {outputs_, pixels, a.bias, residual, a.y + plane, a.activation};
    const auto computeShare = [&](const auto* panelWeights, std::int64_t panel, std::int64_t share) {
      const std::int64_t firstRow = tiling.down * share / shares, lastRow = tiling.down * (share + 1) / shares;
      const std::int64_t first = firstRow * tiling.across, count = lastRow * tiling.across - first;
      const std::int64_t height = std::min(lastRow * tile, a.height) - firstRow * tile;
      float* result = scratch(rowMemory, height * a.width * kPanel);
      if constexpr (tile == 1) {
        multiplyPixels(tiling, windows, first, count, panelWeights, result);
      } else {
        float* products = scratch(productMemory, tiling.kFrequencies * count * kPanel);
        multiplyTiles(tiling, windows, first, count, panelWeights, products);
        transformBack(tiling, products, count, height, result);
      }
      image.write(result, panel, firstRow * tile * a.width, height * a.width);
    };
    weights.visit([&](const auto* values) {
      parallelFor(static_cast<std::size_t>(panels * shares), [&](std::size_t index) {
        const std::int64_t panel = static_cast<std::int64_t>(index) / shares, share = static_cast<std::int64_t>(index) % shares;
        computeShare(values + panel * weights.panelSize(), panel, share);
      });
    });
  }
}

}  // namespace latino::cpu
