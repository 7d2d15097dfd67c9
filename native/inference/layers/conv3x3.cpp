#include "inference/layers/conv3x3.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "inference/layers/conv3x3_tiles.h"
#include "inference/layers/image_rows.h"
#include "inference/layers/thread_scratch.h"

namespace latino::layers {

struct Conv3x3::Image {
  SourceImage x;
  const float* bias;
  const float* residual;
  float* y;
  std::int64_t height, width;  // of y
};

namespace {

/// Channels of the windows: whole vectors, where they are transformed.
template <class Form>
std::int64_t windowChannels(std::int64_t inputs) {
  return Form::kOutputs == 1 ? inputs : ceilDivide(inputs, kLanes) * kLanes;
}

/// Weights that the second-level cache of a thread holds beside the windows.
constexpr std::int64_t kLightBytes = 1 << 18;

/// Transformed weights, which take eight times the memory of taps in half precision, are kept where they are used most: in images of so
/// many tiles, and where they are not too many.
constexpr std::int64_t kKeptTiles = 256, kKeptBytes = 64 << 20;

/// Of all transformed weights.
template <class Form>
std::int64_t productBytes(const Conv3x3Options& options) {
  const std::int64_t filters = ceilDivide(options.outputs, kPanel) * kPanel * options.inputs;
  return Form::kProducts * Form::kProducts * filters * static_cast<std::int64_t>(sizeof(float));
}

/// An image cut into rectangles of tiles.
struct Blocks {
  std::int64_t down, across;            // tiles of the image
  std::int64_t blockDown, blockAcross;  // at most, of a rectangle

  /// Rectangles of at most `mostTiles`, and where there are enough rows at least `wanted` of them.
  Blocks(std::int64_t down, std::int64_t across, std::int64_t mostTiles, std::int64_t wanted) : down(down), across(across) {
    const std::int64_t columns = ceilDivide(across, mostTiles);
    blockAcross = ceilDivide(across, columns);
    blockDown = std::clamp<std::int64_t>(down * columns / wanted, 1, std::max<std::int64_t>(1, mostTiles / blockAcross));
  }
  std::int64_t count() const { return ceilDivide(down, blockDown) * ceilDivide(across, blockAcross); }
  TileRectangle at(std::int64_t index) const {
    const std::int64_t columns = ceilDivide(across, blockAcross), row = index / columns * blockDown, column = index % columns * blockAcross;
    return {row, column, std::min(blockDown, down - row), std::min(blockAcross, across - column)};
  }
};

/// Writes the results of a panel where they have their channels side by side.
class PixelWriter {
 public:
  PixelWriter(const Conv3x3Options& options, const float* bias, const float* residual, float* y, std::int64_t width, std::int64_t panel)
      : outputs_(options.outputs),
        firstOutput_(panel * kPanel),
        width_(width),
        activation_(options.activation),
        residual_(residual),
        y_(y) {
    for (int v = 0; v < 2; ++v)
      if (bias != nullptr && firstOutput_ + v * kLanes < outputs_) bias_[v] = load(bias + firstOutput_ + v * kLanes);
  }

  /// The eight outputs from `v` on of neighbouring pixels. What lies beyond the image is left out.
  template <std::size_t size>
  [[gnu::always_inline]] void operator()(std::int64_t row, std::int64_t column, int v, const std::array<Vector8, size>& values) const {
    if (firstOutput_ + v >= outputs_) return;
    const std::int64_t first = (row * width_ + column) * outputs_ + firstOutput_ + v;
    const Pixels pixels = {residual_ == nullptr ? nullptr : residual_ + first, y_ + first, outputs_, bias_[v / kLanes]};
    const std::int64_t count = std::min<std::int64_t>(size, width_ - column);
    if (activation_ == Activation::relu || activation_ == Activation::none) {
      // The same instructions with and without ReLU, and none to count where the pixels are all inside.
      const float lowest = activation_ == Activation::relu ? 0 : -std::numeric_limits<float>::infinity();
      const auto finish = [bound = broadcast(lowest)](Vector8 value) { return value < bound ? bound : value; };
      count < static_cast<std::int64_t>(size) ? write(pixels, values, count, finish) : write(pixels, values, size, finish);
    } else {
      write(pixels, values, count, [activation = activation_](Vector8 value) { return activate(value, activation); });
    }
  }

 private:
  struct Pixels {
    const float* residual;
    float* y;
    std::int64_t step;
    Vector8 bias;
  };
  template <std::size_t size, class Finish>
  [[gnu::always_inline]] static void write(const Pixels& pixels, const std::array<Vector8, size>& values, std::int64_t count,
                                           const Finish& finish) {
    const auto [residual, y, step, bias] = pixels;
    if (residual == nullptr) {
#pragma GCC unroll 4
      for (std::int64_t j = 0; j < count; ++j) store(y + j * step, finish(values[j] + bias));
    } else {
#pragma GCC unroll 4
      for (std::int64_t j = 0; j < count; ++j) store(y + j * step, finish(values[j] + bias + load(residual + j * step)));
    }
  }

  std::int64_t outputs_, firstOutput_, width_;
  Activation activation_;
  const float* residual_;
  float* y_;
  Vector8 bias_[2] = {};
};

}  // namespace

/// One form at work on one image.
template <class Form>
class Conv3x3::Run {
 public:
  Run(const Conv3x3& layer, const Image& image, const PackedWeights& packed, bool areTaps)
      : options_(layer.options_),
        image_(image),
        packed_(packed),
        areTaps_(areTaps),
        threads_(layer.threads_),
        isLight_(bytes() <= kLightBytes),
        down_(ceilDivide(image.height, Form::kOutputs)),
        across_(ceilDivide(image.width, Form::kOutputs)) {}

  void run(const ParallelFor& parallelFor) const {
    const Blocks blocks(down_, across_, isLight_ ? kLightTiles : heavyTiles(), isLight_ ? 2 * threads_ : 1);
    if (blocks.count() >= (isLight_ ? threads_ : 2 * threads_)) {
      parallelFor(static_cast<std::size_t>(blocks.count()),
                  [&](std::size_t index) { compute(blocks.at(static_cast<std::int64_t>(index))); });
      return;
    }
    // Each thread that has a share of a panel's tiles transforms its filters anew.
    const std::int64_t shares = isDirect || !areTaps_ ? 1 : ceilDivide(2 * threads_, panels());
    const Blocks shared(down_, across_, shares * heavyTiles(), 1);
    for (std::int64_t index = 0; index < shared.count(); ++index) computeShared(shared.at(index), parallelFor);
  }

 private:
  static constexpr bool isDirect = Form::kOutputs == 1;
  /// Of the weights as they are multiplied.
  std::int64_t bytes() const {
    if constexpr (isDirect)
      return static_cast<std::int64_t>(packed_.bytes());
    else
      return productBytes<Form>(options_);
  }

  /// Tiles that are computed together where that cache holds the weights.
  static constexpr std::int64_t kLightTiles = isDirect ? 96 : 24;
  /// Elsewhere: so many that weights are worth reading, or transforming. That also bounds the memory of windows.
  std::int64_t heavyTiles() const { return isDirect ? 512 : areTaps_ ? 96 : 64; }

  /// Windows of all channels; without tiles the frame itself, [rows, columns, channels].
  std::int64_t windowFloats(const TileRectangle& tiles) const {
    const std::int64_t channels = windowChannels<Form>(options_.inputs);
    return isDirect ? Frame<Form>(tiles).pixels() * channels : tiles.count() * Windows<Form>::tileStride(channels);
  }

  /// Makes some channels of the windows of some rows of tiles.
  void prepare(const TileRectangle& tiles, std::int64_t firstRow, std::int64_t lastRow, std::int64_t firstChannel, std::int64_t channels,
               float* windows) const {
    const std::int64_t all = windowChannels<Form>(options_.inputs);
    const TileRectangle part = tiles.rows(firstRow, lastRow);
    if constexpr (isDirect) {
      copyFrame(image_.x, Frame<Form>(part), firstChannel, channels, windows + firstChannel, all);
    } else {
      transformWindows<Form>(image_.x, part, firstChannel, channels, {windows, all, options_.inputs}, firstRow * tiles.across);
    }
  }

  /// The products of a panel's first eight outputs, or of all sixteen, for `count` windows from `first` on: [window, frequency, 16].
  const float* multiply(const float* windows, std::int64_t first, std::int64_t count, std::int64_t panel, int vectors) const {
    thread_local HostVector<float> memory, transformed;
    float* products = scratch(memory, count * Form::kProducts * Form::kProducts * kPanel);
    const std::int64_t channels = windowChannels<Form>(options_.inputs);
    const Windows<Form, const float> all{windows, channels, options_.inputs};
    packed_.visit([&]<class Weight>(const Weight* weights) {
      weights += panel * packed_.panelSize();
      if (areTaps_) {
        float* room = scratch(transformed, Form::kProducts * Form::kProducts * kFilterStride);
        for (std::int64_t channel = 0; channel < options_.inputs; channel += kFilterChannels)
          multiplyWindows(all, first, count, transformFilters<Form>(weights, options_.inputs, channel, room), vectors, products);
      } else if constexpr (std::is_same_v<Weight, float>) {
        multiplyWindows(all, first, count, {weights, channels * kPanel, 0, options_.inputs}, vectors, products);
      }
    });
    return products;
  }

  /// Computes one panel of outputs for some rows of tiles.
  void computePanel(const TileRectangle& tiles, std::int64_t firstRow, std::int64_t lastRow, std::int64_t panel,
                    const float* windows) const {
    const TileRectangle part = tiles.rows(firstRow, lastRow);
    const auto results = [&](const auto& write) {
      if constexpr (isDirect) {
        packed_.visit([&](const auto* weights) {
          multiplyTaps<Form>(tiles, firstRow, lastRow - firstRow, windows, options_.inputs, weights + panel * packed_.panelSize(), write);
        });
      } else {
        const int vectors = options_.outputs > panel * kPanel + kLanes ? 2 : 1;
        const float* products = multiply(windows, firstRow * tiles.across, part.count(), panel, vectors);
        transformBack<Form>(part, products, vectors, image_.height, write);
      }
    };
    if (options_.to == Layout::tokens) {
      results(PixelWriter(options_, image_.bias, image_.residual, image_.y, image_.width, panel));
      return;
    }
    const std::int64_t top = part.row * Form::kOutputs, left = part.column * Form::kOutputs;
    const std::int64_t height = std::min(part.down * Form::kOutputs, image_.height - top);
    const std::int64_t width = std::min(part.across * Form::kOutputs, image_.width - left);
    thread_local HostVector<float> memory;
    float* pixels = scratch(memory, height * width * kPanel);
    results([&](std::int64_t row, std::int64_t column, int v, const auto& values) {
      float* to = pixels + ((row - top) * width + column - left) * kPanel + v;
#pragma GCC unroll 4
      for (std::size_t j = 0; j < values.size(); ++j)
        if (column - left + static_cast<std::int64_t>(j) < width) store(to + static_cast<std::int64_t>(j) * kPanel, values[j]);
    });
    const ImageWriter image = {options_.outputs, image_.height * image_.width, image_.bias, image_.residual, image_.y, options_.activation};
    for (std::int64_t i = 0; i < height; ++i) image.write(pixels + i * width * kPanel, panel, (top + i) * image_.width + left, width);
  }

  std::int64_t panels() const { return ceilDivide(options_.outputs, kPanel); }

  void compute(const TileRectangle& tiles) const {
    thread_local HostVector<float> memory;
    float* windows = scratch(memory, windowFloats(tiles));
    prepare(tiles, 0, tiles.down, 0, windowChannels<Form>(options_.inputs), windows);
    for (std::int64_t panel = 0; panel < panels(); ++panel) computePanel(tiles, 0, tiles.down, panel, windows);
  }

  /// Few tiles of many channels: each weight is read by one thread only.
  void computeShared(const TileRectangle& tiles, const ParallelFor& parallelFor) const {
    thread_local HostVector<float> memory;
    float* windows = scratch(memory, windowFloats(tiles));
    // Rows of the frame overlap, so that without tiles they are not shared out.
    const std::int64_t channels = windowChannels<Form>(options_.inputs);
    inShares(ceilDivide(channels, kPanel), tiles.down, isDirect ? 1 : tiles.down, parallelFor,
             [&](std::int64_t group, std::int64_t firstRow, std::int64_t lastRow) {
               const std::int64_t first = group * kPanel;
               prepare(tiles, firstRow, lastRow, first, std::min<std::int64_t>(kPanel, channels - first), windows);
             });
    inShares(panels(), tiles.down, tiles.down, parallelFor, [&](std::int64_t panel, std::int64_t firstRow, std::int64_t lastRow) {
      computePanel(tiles, firstRow, lastRow, panel, windows);
    });
  }

  /// Calls task(thing, first row, last row) for all things and rows, these in so many shares that every thread has two tasks.
  template <class Task>
  void inShares(std::int64_t things, std::int64_t rows, std::int64_t mostShares, const ParallelFor& parallelFor, const Task& task) const {
    const std::int64_t shares = std::min(mostShares, ceilDivide(2 * threads_, things));
    parallelFor(static_cast<std::size_t>(things * shares), [&](std::size_t index) {
      const std::int64_t thing = static_cast<std::int64_t>(index) / shares, share = static_cast<std::int64_t>(index) % shares;
      task(thing, rows * share / shares, rows * (share + 1) / shares);
    });
  }

  Conv3x3Options options_;
  const Image& image_;
  const PackedWeights& packed_;
  bool areTaps_;  // or products
  std::int64_t threads_;
  bool isLight_;
  std::int64_t down_, across_;
};

Conv3x3::Conv3x3(ReadWeight weight, const Conv3x3Options& options, unsigned threads, std::shared_ptr<PackedStore> packed)
    : weight_(std::move(weight)),
      options_(options),
      threads_(threads),
      packed_(std::move(packed)),
      taps_(packed_->newKey()),
      tiles2_(packed_->newKey()),
      tiles4_(packed_->newKey()) {}

void Conv3x3::run(const Conv3x3Arguments& a, const ParallelFor& parallelFor) {
  const std::int64_t height = options_.sizeOf(a.height), width = options_.sizeOf(a.width);
  std::vector<float> bias;
  for (std::int64_t n = 0; n < a.n; ++n) {
    const std::int64_t at = n * options_.outputs * height * width;
    const SourceImage x = {a.x + n * options_.inputs * a.height * a.width, a.height, a.width, options_.inputs, options_.from};
    Image image = {x, a.bias, a.residual == nullptr ? nullptr : a.residual + at, a.y + at, height, width};
    if (a.shift != nullptr) {
      bias.assign(a.shift + n * options_.outputs, a.shift + (n + 1) * options_.outputs);
      if (a.bias != nullptr) std::transform(bias.begin(), bias.end(), a.bias, bias.begin(), std::plus<>());
      image.bias = bias.data();
    }
    runImage(image, parallelFor);
  }
}

void Conv3x3::runImage(const Image& image, const ParallelFor& parallelFor) {
  // The rows of the products, and the time to read a weight, which is worth that of about sixteen rows where it is a float.
  const auto cost = [&](std::int64_t tile, std::int64_t products, std::int64_t reading) {
    return products * (ceilDivide(image.height, tile) * ceilDivide(image.width, tile) + reading);
  };
  const std::int64_t taps = cost(1, 9, 8);
  if (options_.upsample) return runForm<DoubledTiles>(tiles4_, image, parallelFor);
  if (options_.stride == 2) {
    if (taps <= cost(2, 25, 16)) return runForm<Taps<2>>(taps_, image, parallelFor);
    return runForm<StridedTiles>(tiles2_, image, parallelFor);
  }
  const std::int64_t small = cost(2, 16, 16), large = cost(4, 36, 16);
  if (taps <= std::min(small, large))
    runForm<Taps<1>>(taps_, image, parallelFor);
  else if (small < large)
    runForm<Tiles2>(tiles2_, image, parallelFor);
  else
    runForm<Tiles4>(tiles4_, image, parallelFor);
}

template <class Form>
void Conv3x3::runForm(PackedStore::Key key, const Image& image, const ParallelFor& parallelFor) {
  if constexpr (Form::kOutputs > 1) {
    const std::int64_t bytes = productBytes<Form>(options_);
    const std::int64_t tiles = ceilDivide(image.height, Form::kOutputs) * ceilDivide(image.width, Form::kOutputs);
    if (bytes <= kLightBytes || (bytes <= kKeptBytes && tiles >= kKeptTiles)) {
      const auto products = packed_->get(key, [&] { return packProducts<Form>(parallelFor); });
      return Run<Form>(*this, image, *products, false).run(parallelFor);
    }
  }
  const auto taps = packed_->get(taps_, [&] { return packTaps(parallelFor); });
  Run<Form>(*this, image, *taps, true).run(parallelFor);
}

WeightLayout Conv3x3::layout() const {
  return {.outputs = options_.outputs, .inputs = options_.inputs, .taps = 9, .isTransposed = options_.isTransposed};
}

/// By panel, tap, input, output of the panel.
PackedWeights Conv3x3::packTaps(const ParallelFor& parallelFor) const { return {weight_(), layout(), parallelFor}; }

/// By panel, frequency, input, output of the panel.
template <class Form>
PackedWeights Conv3x3::packProducts(const ParallelFor& parallelFor) const {
  const std::int64_t channels = windowChannels<Form>(options_.inputs);
  return {weight_(), layout(), Form::kProducts * Form::kProducts * channels, parallelFor,
          [&](const auto* taps, float* to) { transformPrecisely<Form>(taps, options_.inputs, channels, to); }};
}

}  // namespace latino::layers
