#include "inference/cpu/small_conv3x3.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include "inference/cpu/image_rows.h"
#include "inference/cpu/winograd_transforms.h"

namespace latino::cpu {

namespace {

/// How an image is cut into tiles. Around what the tiles read lies a border of zeros.
template <class Form>
struct Tiling {
  std::int64_t height, width, channels;
  std::int64_t down = ceilDivide(height, Form::kOutputs), across = ceilDivide(width, Form::kOutputs), tiles = down * across;
  std::int64_t rows = down * Form::kStep + Form::kWindow - Form::kStep, columns = across * Form::kStep + Form::kWindow - Form::kStep;
};

/// Fills eight channels of [rows, columns, channels] from planes of height x width pixels.
void fill(float* padded, std::int64_t rows, std::int64_t columns, std::int64_t channels, const float* planes, std::int64_t count,
          std::int64_t height, std::int64_t width) {
  const auto at = [&](std::int64_t row, std::int64_t column) { return padded + (row * columns + column) * channels; };
  for (std::int64_t row = 0; row < rows; ++row) {
    const bool isInside = row > 0 && row <= height;
    for (std::int64_t column = 0; column < columns; ++column)
      if (!isInside || column == 0 || column > width) store(at(row, column), Vector8{});
  }
  std::int64_t row = 1, column = 1;
  for (std::int64_t pixel = 0; pixel < height * width; pixel += kLanes) {
    const std::int64_t lanes = std::min<std::int64_t>(kLanes, height * width - pixel);
    Block8 block = {};
    for (std::int64_t c = 0; c < count; ++c) block[c] = loadFirst(planes + c * height * width + pixel, lanes);
    transpose(block);
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      store(at(row, column), block[lane]);
      if (++column > width) {
        column = 1;
        ++row;
      }
    }
  }
}

/// Eight channels of all windows. padded: [rows, columns, 8]; to: [frequency, tile, channels]
template <class Form>
void transformWindows(const Tiling<Form>& tiling, const float* padded, float* to) {
  constexpr int kSide = Form::kWindow;
  for (std::int64_t t = 0; t < tiling.tiles; ++t) {
    const float* window = padded + (t / tiling.across * tiling.columns + t % tiling.across) * Form::kStep * kLanes;
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
template <class Form, class Weight>
void multiplyTiles(const Tiling<Form>& tiling, const float* windows, std::int64_t first, std::int64_t count, const Weight* weights,
                   float* to) {
  for (int f = 0; f < Form::kProducts * Form::kProducts; ++f) {
    const int factor = Form::kFactor[f / Form::kProducts] * Form::kWindow + Form::kFactor[f % Form::kProducts];
    forRowGroups(count, [&]<int rows>(std::int64_t group) {
      std::array<const float*, rows> from;
      for (int r = 0; r < rows; ++r) from[r] = windows + (factor * tiling.tiles + first + group + r) * tiling.channels;
      Sums<rows> sums = {};
      multiplyAdd<rows>(from, 1, weights + f * tiling.channels * kPanel, tiling.channels, sums);
      storeRows<rows>(sums, to + (f * count + group) * kPanel);
    });
  }
}

/// The same without tiles: sums over the taps. padded: [rows, columns, channels]; to: [pixel of these, 16]
template <class Weight>
void multiplyPixels(const Tiling<Taps>& tiling, const float* padded, std::int64_t first, std::int64_t count, const Weight* weights,
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
template <class Form>
void transformBack(const Tiling<Form>& tiling, const float* products, std::int64_t count, std::int64_t height, float* to) {
  constexpr int kSide = Form::kProducts, kOutputs = Form::kOutputs;
  for (std::int64_t t = 0; t < count; ++t) {
    const std::int64_t top = t / tiling.across * kOutputs, left = t % tiling.across * kOutputs;
    for (int v = 0; v < kPanel; v += kLanes) {
      std::array<std::array<Vector8, kSide>, kOutputs> half;
      for (int j = 0; j < kSide; ++j) {
        std::array<Vector8, kSide> column;
        for (int i = 0; i < kSide; ++i) column[i] = load(products + ((i * kSide + j) * count + t) * kPanel + v);
        std::array<Vector8, kOutputs> out;
        transformOutput(column, out);
        for (int i = 0; i < kOutputs; ++i) half[i][j] = out[i];
      }
      for (int i = 0; i < kOutputs && top + i < height; ++i) {
        std::array<Vector8, kOutputs> out;
        transformOutput(half[i], out);
        for (int j = 0; j < kOutputs && left + j < tiling.width; ++j)
          store(to + ((top + i) * tiling.width + left + j) * kPanel + v, out[j]);
      }
    }
  }
}

}  // namespace

struct SmallConv3x3::Packed {
  std::once_flag once;
  std::unique_ptr<PackedWeights> weights;
};

SmallConv3x3::SmallConv3x3(ReadWeight weight, const Conv3x3Options& options, unsigned threads)
    : weight_(std::move(weight)),
      options_(options),
      threads_(threads),
      taps_(std::make_unique<Packed>()),
      tiles2_(std::make_unique<Packed>()),
      tiles4_(std::make_unique<Packed>()),
      doubled_(std::make_unique<Packed>()) {}

SmallConv3x3::~SmallConv3x3() = default;

/// [panel, frequency, input, output of the panel]; without tiles the taps take the place of the frequencies.
template <class Form>
PackedWeights SmallConv3x3::pack() const {
  const auto [outputs, inputs, isTransposed] = options_;
  const std::int64_t channels = ceilDivide(inputs, kLanes) * kLanes;
  const WeightValues values = weight_();
  const auto filter = [&](std::int64_t output, std::int64_t input) {
    return 9 * (options_.isTransposed ? input * options_.outputs + output : output * options_.inputs + input);
  };
  if constexpr (std::is_same_v<Form, Taps>) {
    return {values, outputs, 9 * channels, [&](std::int64_t output, std::int64_t term) -> std::int64_t {
              const std::int64_t tap = term / channels, input = term % channels;
              return input >= options_.inputs ? -1 : filter(output, input) + (options_.isTransposed ? 8 - tap : tap);
            }};
  } else {
    constexpr std::int64_t kFrequencies = Form::kProducts * Form::kProducts;
    const std::vector<float> floats = widened(values);
    std::vector<float> transformed(static_cast<std::size_t>(outputs * inputs * kFrequencies));
    for (std::int64_t output = 0; output < outputs; ++output)
      for (std::int64_t input = 0; input < inputs; ++input) {
        const auto products = transformFilter<Form>(floats.data() + filter(output, input), isTransposed);
        std::copy(products.begin(), products.end(), transformed.begin() + (output * inputs + input) * kFrequencies);
      }
    return {WeightValues(std::move(transformed)), outputs, kFrequencies * channels,
            [&](std::int64_t output, std::int64_t term) -> std::int64_t {
              const std::int64_t frequency = term / channels, input = term % channels;
              return input >= options_.inputs ? -1 : (output * options_.inputs + input) * kFrequencies + frequency;
            }};
  }
}

void SmallConv3x3::run(const Conv3x3Image& a, const ParallelFor& parallelFor) {
  if (a.upsample) return runForm<DoubledTiles>(*doubled_, a, parallelFor);
  // The rows of the products, and the time to read a weight, which is worth that of about sixteen rows where it is a float.
  const auto cost = [&](std::int64_t tile, std::int64_t reading) {
    const std::int64_t tiles = ceilDivide(a.height, tile) * ceilDivide(a.width, tile);
    return (tile + 2) * (tile + 2) * (tiles + reading);
  };
  const std::int64_t taps = cost(1, 8), small = cost(2, 16), large = cost(4, 16);
  if (taps <= std::min(small, large))
    runForm<Taps>(*taps_, a, parallelFor);
  else if (small < large)
    runForm<Tiles2>(*tiles2_, a, parallelFor);
  else
    runForm<Tiles4>(*tiles4_, a, parallelFor);
}

template <class Form>
void SmallConv3x3::runForm(Packed& packed, const Conv3x3Image& a, const ParallelFor& parallelFor) {
  constexpr bool isDirect = std::is_same_v<Form, Taps>;
  std::call_once(packed.once, [&] { packed.weights = std::make_unique<PackedWeights>(pack<Form>()); });
  const std::int64_t inputs = options_.inputs, outputs = options_.outputs;
  const Tiling<Form> tiling{a.height, a.width, ceilDivide(inputs, kLanes) * kLanes};
  const std::int64_t repeat = a.upsample ? 2 : 1, height = a.height / repeat, width = a.width / repeat;
  const std::int64_t panels = ceilDivide(outputs, kPanel);
  const std::int64_t shares = std::min(tiling.down, ceilDivide(2 * static_cast<std::int64_t>(threads_), panels));
  thread_local std::vector<float> windowMemory, paddedMemory, productMemory, rowMemory;
  // [frequency, tile, channel]; without tiles the padded image itself.
  const std::int64_t windowRows = isDirect ? tiling.rows * tiling.columns : Form::kWindow * Form::kWindow * tiling.tiles;
  float* windows = scratch(windowMemory, windowRows * tiling.channels);

  parallelFor(static_cast<std::size_t>(tiling.channels / kLanes), [&](std::size_t index) {
    const std::int64_t channel = static_cast<std::int64_t>(index) * kLanes, count = std::min<std::int64_t>(kLanes, inputs - channel);
    const float* planes = a.x + channel * height * width;
    if constexpr (isDirect) {
      fill(windows + channel, tiling.rows, tiling.columns, tiling.channels, planes, count, height, width);
    } else {
      float* padded = scratch(paddedMemory, tiling.rows * tiling.columns * kLanes);
      fill(padded, tiling.rows, tiling.columns, kLanes, planes, count, height, width);
      transformWindows(tiling, padded, windows + channel);
    }
  });

  const ImageWriter image = {outputs, a.height * a.width, a.bias, a.residual, a.y, a.activation};
  const auto computeShare = [&](const auto* weights, std::int64_t panel, std::int64_t share) {
    const std::int64_t firstRow = tiling.down * share / shares, lastRow = tiling.down * (share + 1) / shares;
    const std::int64_t first = firstRow * tiling.across, count = lastRow * tiling.across - first;
    const std::int64_t top = firstRow * Form::kOutputs, rows = std::min(lastRow * Form::kOutputs, a.height) - top;
    float* result = scratch(rowMemory, rows * a.width * kPanel);
    if constexpr (isDirect) {
      multiplyPixels(tiling, windows, first, count, weights, result);
    } else {
      float* products = scratch(productMemory, Form::kProducts * Form::kProducts * count * kPanel);
      multiplyTiles(tiling, windows, first, count, weights, products);
      transformBack(tiling, products, count, rows, result);
    }
    image.write(result, panel, top * a.width, rows * a.width);
  };
  packed.weights->visit([&](const auto* values) {
    parallelFor(static_cast<std::size_t>(panels * shares), [&](std::size_t index) {
      const std::int64_t panel = static_cast<std::int64_t>(index) / shares, share = static_cast<std::int64_t>(index) % shares;
      computeShare(values + panel * packed.weights->panelSize(), panel, share);
    });
  });
}

}  // namespace latino::cpu
