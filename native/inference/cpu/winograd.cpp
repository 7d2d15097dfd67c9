#include "inference/cpu/winograd.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <vector>

#include "inference/cpu/panels.h"
#include "inference/cpu/vector8.h"
#include "inference/cpu/winograd_transforms.h"

namespace latino::cpu {

namespace {

/// Tiles that are transformed together: their values stay in the second-level cache between the three stages.
constexpr std::int64_t kBlockTiles = 32;

/// Eight tiles that follow each other in the order of image, row, column; lanes beyond the last tile are masked.
template <int tile>
struct TileGroup {
  std::int64_t image[kLanes], top[kLanes], left[kLanes];
  bool valid[kLanes];
  /// All in one row of tiles, so that rows of pixels can be read and written as they lie.
  bool isRun;

  TileGroup(std::int64_t first, std::int64_t tiles, std::int64_t tilesDown, std::int64_t tilesAcross) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const std::int64_t t = std::min(first + lane, tiles - 1);
      valid[lane] = first + lane < tiles;
      image[lane] = t / (tilesDown * tilesAcross);
      top[lane] = t / tilesAcross % tilesDown * tile;
      left[lane] = t % tilesAcross * tile;
    }
    isRun = valid[kLanes - 1] && image[0] == image[kLanes - 1] && top[0] == top[kLanes - 1];
  }
};

template <int tile>
using Window = std::array<std::array<Vector8, tile + 2>, tile + 2>;

/// The (tile + 2)^2 values around each tile, tile by tile.
template <int tile>
void gather(const Conv3x3Arguments& a, std::int64_t channels, std::int64_t c, const TileGroup<tile>& group, Window<tile>& window) {
  const std::int64_t halving = a.upsample ? 1 : 0, rowLength = a.width >> halving, planeSize = rowLength * (a.height >> halving);
  for (int lane = 0; lane < kLanes; ++lane) {
    const float* plane = a.x + (group.image[lane] * channels + c) * planeSize;
    for (int i = 0; i < tile + 2; ++i) {
      const std::int64_t row = group.top[lane] + i - 1;
      const bool isInside = row >= 0 && row < a.height;
      for (int j = 0; j < tile + 2; ++j) {
        const std::int64_t column = group.left[lane] + j - 1;
        const bool isKnown = isInside && column >= 0 && column < a.width;
        window[i][j][lane] = isKnown ? plane[(row >> halving) * rowLength + (column >> halving)] : 0;
      }
    }
  }
}

/// One row of pixels from `left - 1` on, zero outside the image.
void readRow(const Conv3x3Arguments& a, const float* plane, std::int64_t row, std::int64_t left, std::int64_t count, float* out) {
  if (row < 0 || row >= a.height) {
    std::fill(out, out + count, 0.0F);
    return;
  }
  const std::int64_t begin = std::max<std::int64_t>(0, 1 - left), end = std::min(count, a.width - left + 1);
  std::fill(out, out + begin, 0.0F);
  if (a.upsample) {
    const float* source = plane + (row >> 1) * (a.width >> 1);
    for (std::int64_t i = begin; i < end; ++i) out[i] = source[(left - 1 + i) >> 1];
  } else {
    const float* source = plane + row * a.width + left - 1;
    std::copy(source + begin, source + end, out + begin);
  }
  std::fill(out + end, out + count, 0.0F);
}

/// As `gather` and the transform of the columns in one, for eight tiles of 4 x 4 side by side.
void gatherRunTransformed(const Conv3x3Arguments& a, std::int64_t channels, std::int64_t c, const TileGroup<4>& group, Window<4>& window) {
  constexpr int kVectors = 5;  // 34 pixels
  const std::int64_t halving = a.upsample ? 1 : 0;
  const float* plane = a.x + (group.image[0] * channels + c) * ((a.width >> halving) * (a.height >> halving));
  float copies[6][kVectors * kLanes];
  const float* rows[6];
  const bool isInner = !a.upsample && group.left[0] > 0 && group.left[0] - 1 + kVectors * kLanes <= a.width;
  for (int i = 0; i < 6; ++i) {
    const std::int64_t row = group.top[0] + i - 1;
    if (isInner && row >= 0 && row < a.height) {
      rows[i] = plane + row * a.width + group.left[0] - 1;
    } else {
      readRow(a, plane, row, group.left[0], kVectors * kLanes, copies[i]);
      rows[i] = copies[i];
    }
  }
  Vector8 transformed[6][kVectors];
  for (int v = 0; v < kVectors; ++v) {
    std::array<Vector8, 6> column, out;
    for (int i = 0; i < 6; ++i) column[i] = load(rows[i] + v * kLanes);
    transformInput(column, out);
    for (int i = 0; i < 6; ++i) transformed[i][v] = out[i];
  }
  for (int i = 0; i < 6; ++i) {
    const Vector8* row = transformed[i];
    const Vector8 evenLow = evens(row[0], row[1]), evenHigh = evens(row[2], row[3]);
    const Vector8 oddLow = odds(row[0], row[1]), oddHigh = odds(row[2], row[3]);
    window[i][0] = evens(evenLow, evenHigh);
    window[i][1] = evens(oddLow, oddHigh);
    window[i][2] = odds(evenLow, evenHigh);
    window[i][3] = odds(oddLow, oddHigh);
    window[i][4] = next(window[i][0], row[4]);
    window[i][5] = next(window[i][1], evens(odds(row[4], row[4]), row[4]));
  }
}

struct Epilogue {
  float bias;
  Activation activation;
  float operator()(float y, float residual) const { return activate(y + bias + residual, activation); }
};

/// Writes tile by tile what lies inside the image.
template <int tile>
void scatter(const Conv3x3Arguments& a, std::int64_t channels, std::int64_t m, const TileGroup<tile>& group,
             const std::array<std::array<Vector8, tile>, tile>& values, const Epilogue& finish) {
  for (int lane = 0; lane < kLanes && group.valid[lane]; ++lane) {
    const std::int64_t plane = (group.image[lane] * channels + m) * a.height * a.width;
    const std::int64_t rows = std::min<std::int64_t>(tile, a.height - group.top[lane]);
    const std::int64_t columns = std::min<std::int64_t>(tile, a.width - group.left[lane]);
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t at = plane + (group.top[lane] + i) * a.width + group.left[lane];
      for (std::int64_t j = 0; j < columns; ++j) a.y[at + j] = finish(values[i][j][lane], a.residual == nullptr ? 0 : a.residual[at + j]);
    }
  }
}

/// The same for eight tiles side by side that lie wholly inside.
void scatterRun(const Conv3x3Arguments& a, std::int64_t channels, std::int64_t m, const TileGroup<4>& group,
                const std::array<std::array<Vector8, 4>, 4>& values, const Epilogue& finish) {
  const std::int64_t plane = (group.image[0] * channels + m) * a.height * a.width;
  for (int i = 0; i < 4; ++i) {
    const auto& row = values[i];
    const Vector8 evenLow = zipLow(row[0], row[2]), evenHigh = zipHigh(row[0], row[2]);
    const Vector8 oddLow = zipLow(row[1], row[3]), oddHigh = zipHigh(row[1], row[3]);
    Vector8 pixels[4] = {zipLow(evenLow, oddLow), zipHigh(evenLow, oddLow), zipLow(evenHigh, oddHigh), zipHigh(evenHigh, oddHigh)};
    const std::int64_t at = plane + (group.top[0] + i) * a.width + group.left[0];
    for (int v = 0; v < 4; ++v) {
      Vector8 value = pixels[v] + finish.bias;
      if (a.residual != nullptr) value += load(a.residual + at + v * kLanes);
      store(a.y + at + v * kLanes, activate(value, finish.activation));
    }
  }
}

}  // namespace

/// The weights after the transform, in the order in which the products read them: by frequency, panel, input channel, row. Without tiles,
/// tap and input channel together are what is summed over: by panel, tap, input channel, row.
template <int tile>
class Conv3x3::Weights {
 public:
  static constexpr int kSide = tile + 2, kFrequencies = kSide * kSide;

  Weights(std::int64_t outputs, std::int64_t inputs) : outputs_(outputs), inputs_(inputs), panels_(panelsOf(outputs)) {
    for (const int panel : panels_) {
      firstRows_.push_back(rows_);
      rows_ += panel;
    }
  }

  void prepare(const std::function<std::vector<float>()>& weight, bool transposed) {
    std::call_once(once_, [&] { transform(weight().data(), transposed); });
  }
  const std::vector<int>& panels() const { return panels_; }
  std::int64_t firstRow(std::size_t panel) const { return firstRows_[panel]; }
  const float* at(int frequency, std::int64_t firstRow) const {
    return values_.data() + (tile == 1 ? firstRow * kFrequencies : frequency * rows_ + firstRow) * inputs_;
  }

 private:
  void transform(const float* weight, bool transposed) {
    values_.assign(static_cast<std::size_t>(kFrequencies * rows_ * inputs_), 0);
    for (std::size_t panel = 0; panel < panels_.size(); ++panel) {
      const std::int64_t first = firstRows_[panel], rows = panels_[panel];
      // From one frequency to the next.
      const std::int64_t step = (tile == 1 ? rows : rows_) * inputs_;
      for (std::int64_t m = first; m < std::min(outputs_, first + rows); ++m) {
        for (std::int64_t c = 0; c < inputs_; ++c) {
          std::array<std::array<double, kSide>, 3> columns;
          const float* from = weight + (transposed ? c * outputs_ + m : m * inputs_ + c) * 9;
          std::array<float, 9> taps;
          if (transposed)
            std::reverse_copy(from, from + 9, taps.begin());
          else
            std::copy(from, from + 9, taps.begin());
          for (int j = 0; j < 3; ++j) transformWeight(std::array<double, 3>{taps[j], taps[3 + j], taps[6 + j]}, columns[j]);
          float* to = values_.data() + (at(0, first) - values_.data()) + c * rows + m - first;
          for (int i = 0; i < kSide; ++i) {
            std::array<double, kSide> row;
            transformWeight({columns[0][i], columns[1][i], columns[2][i]}, row);
            for (int j = 0; j < kSide; ++j) to[(i * kSide + j) * step] = static_cast<float>(row[j]);
          }
        }
      }
    }
  }

  std::int64_t outputs_, inputs_, rows_ = 0;
  std::vector<int> panels_;
  std::vector<std::int64_t> firstRows_;
  std::vector<float> values_;
  std::once_flag once_;
};

Conv3x3::Conv3x3(ReadWeight weight, std::int64_t outputs, std::int64_t inputs, unsigned threads, bool transposed)
    : weight_(std::move(weight)),
      outputs_(outputs),
      inputs_(inputs),
      threads_(threads),
      transposed_(transposed),
      small_(weight_, outputs, inputs, threads, transposed),
      large_(std::make_unique<Weights<4>>(outputs, inputs)) {}

Conv3x3::~Conv3x3() = default;

void Conv3x3::run(const Conv3x3Arguments& a, const ParallelFor& parallelFor) {
  const std::int64_t pixels = a.height * a.width, sourcePixels = a.upsample ? pixels / 4 : pixels;
  for (std::int64_t n = 0; n < a.n; ++n) {
    Conv3x3Arguments image = a;
    image.n = 1;
    image.x += n * inputs_ * sourcePixels;
    image.y += n * outputs_ * pixels;
    if (a.residual != nullptr) image.residual += n * outputs_ * pixels;
    std::vector<float> bias;
    if (a.shift != nullptr) {
      bias.assign(a.shift + n * outputs_, a.shift + (n + 1) * outputs_);
      if (a.bias != nullptr) std::transform(bias.begin(), bias.end(), a.bias, bias.begin(), std::plus<>());
      image.bias = bias.data();
    }
    if (ceilDivide(a.height, 4) * ceilDivide(a.width, 4) < kBlockTiles)
      small_.run(image, parallelFor);
    else
      runTiled(*large_, image, parallelFor);
  }
}

template <int tile>
void Conv3x3::runTiled(Weights<tile>& weights, const Conv3x3Arguments& a, const ParallelFor& parallelFor) {
  weights.prepare([&] { return widened(weight_()); }, transposed_);
  constexpr int kSide = Weights<tile>::kSide, kFrequencies = Weights<tile>::kFrequencies;
  const std::int64_t tilesDown = ceilDivide(a.height, tile), tilesAcross = ceilDivide(a.width, tile);
  const std::int64_t tiles = a.n * tilesDown * tilesAcross;
  const std::int64_t blocks = ceilDivide(tiles, kBlockTiles);
  std::vector<TileGroup<tile>> groups;
  for (std::int64_t t = 0; t < tiles; t += kLanes) groups.emplace_back(t, tiles, tilesDown, tilesAcross);

  const auto strideOf = [&](std::int64_t block) { return ceilDivide(std::min(kBlockTiles, tiles - block * kBlockTiles), kLanes) * kLanes; };

  // v: [frequency, input, tile of the block]. A cache line between the frequencies keeps them out of each other's cache sets.
  const auto frequencyStride = [&](std::int64_t block) { return inputs_ * strideOf(block) + 16; };
  const auto transformInputs = [&](std::int64_t block, std::int64_t c, float* v) {
    const std::int64_t stride = strideOf(block), frequency = frequencyStride(block);
    for (std::int64_t t = 0; t < stride; t += kLanes) {
      const TileGroup<tile>& group = groups[static_cast<std::size_t>((block * kBlockTiles + t) / kLanes)];
      float* to = v + c * stride + t;
      Window<tile> window;
      bool areColumnsDone = false;
      if constexpr (tile == 4) {
        if (group.isRun) {
          gatherRunTransformed(a, inputs_, c, group, window);
          areColumnsDone = true;
        }
      }
      if (!areColumnsDone) {
        gather<tile>(a, inputs_, c, group, window);
        for (int j = 0; j < kSide; ++j) {
          std::array<Vector8, kSide> column, out;
          for (int i = 0; i < kSide; ++i) column[i] = window[i][j];
          transformInput(column, out);
          for (int i = 0; i < kSide; ++i) window[i][j] = out[i];
        }
      }
      for (int i = 0; i < kSide; ++i) {
        std::array<Vector8, kSide> out;
        transformInput(window[i], out);
        for (int j = 0; j < kSide; ++j) store(to + (i * kSide + j) * frequency, out[j]);
      }
    }
  };

  // The products and the way back of one panel of output channels; y: [frequency, row of the panel, tile of the block]
  const auto computeOutputs = [&](std::int64_t block, std::int64_t first, int rows, const float* v, float* y) {
    const std::int64_t stride = strideOf(block);
    for (int f = 0; f < kFrequencies; ++f) {
      multiplyPanel(rows, weights.at(f, first), v + f * frequencyStride(block), inputs_, stride, y + f * rows * stride);
    }
    for (std::int64_t t = 0; t < stride; t += kLanes) {
      const TileGroup<tile>& group = groups[static_cast<std::size_t>((block * kBlockTiles + t) / kLanes)];
      for (std::int64_t r = 0; r < rows && first + r < outputs_; ++r) {
        std::array<std::array<Vector8, kSide>, tile> half;
        for (int j = 0; j < kSide; ++j) {
          std::array<Vector8, kSide> column;
          for (int i = 0; i < kSide; ++i) column[i] = load(y + ((i * kSide + j) * rows + r) * stride + t);
          std::array<Vector8, tile> out;
          transformOutput(column, out);
          for (int i = 0; i < tile; ++i) half[i][j] = out[i];
        }
        std::array<std::array<Vector8, tile>, tile> values;
        for (int i = 0; i < tile; ++i) transformOutput(half[i], values[i]);
        const Epilogue finish{a.bias == nullptr ? 0 : a.bias[first + r], a.activation};
        bool isWritten = false;
        if constexpr (tile == 4) {
          if (group.isRun && group.top[0] + tile <= a.height && group.left[kLanes - 1] + tile <= a.width) {
            scatterRun(a, outputs_, first + r, group, values, finish);
            isWritten = true;
          }
        }
        if (!isWritten) scatter<tile>(a, outputs_, first + r, group, values, finish);
      }
    }
  };

  thread_local std::vector<float> inputMemory, outputMemory;
  const std::vector<int>& panels = weights.panels();
  const std::int64_t inputCount = kFrequencies * (inputs_ * kBlockTiles + 16), outputCount = kFrequencies * 6 * kBlockTiles;

  if (blocks >= 2 * static_cast<std::int64_t>(threads_)) {
    parallelFor(static_cast<std::size_t>(blocks), [&](std::size_t block) {
      float *v = scratch(inputMemory, inputCount), *y = scratch(outputMemory, outputCount);
      for (std::int64_t c = 0; c < inputs_; ++c) transformInputs(static_cast<std::int64_t>(block), c, v);
      for (std::size_t panel = 0; panel < panels.size(); ++panel)
        computeOutputs(static_cast<std::int64_t>(block), weights.firstRow(panel), panels[panel], v, y);
    });
    return;
  }

  // A small image: the threads share the channels instead.
  float* v = scratch(inputMemory, inputCount);
  for (std::int64_t block = 0; block < blocks; ++block) {
    parallelFor(static_cast<std::size_t>(inputs_), [&](std::size_t c) { transformInputs(block, static_cast<std::int64_t>(c), v); });
    parallelFor(panels.size(), [&](std::size_t panel) {
      computeOutputs(block, weights.firstRow(panel), panels[panel], v, scratch(outputMemory, outputCount));
    });
  }
}

}  // namespace latino::cpu
