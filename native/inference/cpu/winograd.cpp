#include "inference/cpu/winograd.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <type_traits>
#include <vector>

#include "inference/cpu/panels.h"
#include "inference/cpu/vector8.h"
#include "inference/cpu/winograd_tiles.h"
#include "inference/cpu/winograd_transforms.h"

namespace latino::cpu {

namespace {

std::int64_t ceilDivide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Tiles that are transformed together: their values stay in the second-level cache between the three stages.
std::int64_t blockTilesFor(std::int64_t inputs) { return inputs <= 64 ? 16 : 32; }

/// Eight tiles that follow each other in the order of image, row, column; lanes beyond the last tile are masked.
template <int tile>
struct TileGroup {
  std::int64_t image[kLanes], top[kLanes], left[kLanes];
  bool valid[kLanes];

  TileGroup(std::int64_t first, std::int64_t tiles, std::int64_t tilesDown, std::int64_t tilesAcross) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const std::int64_t t = std::min(first + lane, tiles - 1);
      valid[lane] = first + lane < tiles;
      image[lane] = t / (tilesDown * tilesAcross);
      top[lane] = t / tilesAcross % tilesDown * tile;
      left[lane] = t % tilesAcross * tile;
    }
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

struct Epilogue {
  float bias;
  Activation activation;
  template <class Value>
  Value operator()(Value y, Value residual) const {
    return activate(y + bias + residual, activation);
  }
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
      for (std::int64_t j = 0; j < columns; ++j)
        a.y[at + j] = finish(values[i][j][lane], a.residual == nullptr ? 0.0F : a.residual[at + j]);
    }
  }
}

/// Scratch of one thread, kept between runs.
float* scratch(std::vector<float>& memory, std::int64_t count) {
  if (static_cast<std::int64_t>(memory.size()) < count) memory.resize(static_cast<std::size_t>(count));
  return memory.data();
}

}  // namespace

/// The weights after the transform, in the order in which the products read them: by frequency, panel, input channel, row. Without tiles,
/// tap and input channel together are what is summed over: by panel, tap, input channel, row.
template <class Form>
class Conv3x3::Weights {
 public:
  static constexpr int kSide = Form::kProducts, kFrequencies = kSide * kSide;
  static constexpr bool kIsDirect = std::is_same_v<Form, Taps>;

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
    return values_.data() + (kIsDirect ? firstRow * kFrequencies : frequency * rows_ + firstRow) * inputs_;
  }

 private:
  void transform(const float* weight, bool transposed) {
    values_.assign(static_cast<std::size_t>(kFrequencies * rows_ * inputs_), 0);
    for (std::size_t panel = 0; panel < panels_.size(); ++panel) {
      const std::int64_t first = firstRows_[panel], rows = panels_[panel];
      // From one frequency to the next.
      const std::int64_t step = (kIsDirect ? rows : rows_) * inputs_;
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

Conv3x3::Conv3x3(std::function<std::vector<float>()> weight, std::int64_t outputs, std::int64_t inputs, unsigned threads, bool transposed)
    : weight_(std::move(weight)),
      outputs_(outputs),
      inputs_(inputs),
      threads_(threads),
      transposed_(transposed),
      large_(std::make_unique<Weights<Tiles4>>(outputs, inputs)),
      small_(std::make_unique<Weights<Tiles2>>(outputs, inputs)),
      doubled_(std::make_unique<Weights<DoubledTiles>>(outputs, inputs)),
      direct_(std::make_unique<Weights<Taps>>(outputs, inputs)) {}

Conv3x3::~Conv3x3() = default;

void Conv3x3::run(const Conv3x3Arguments& arguments, const ParallelFor& parallelFor) {
  // Per transformed weight: the vector operations that use it, and the time to read it, which is worth about 32 of their lanes
  // where weights come from memory; it also keeps the largest form for where it pays.
  const auto cost = [&](std::int64_t tile) {
    const std::int64_t tiles = arguments.n * ceilDivide(arguments.height, tile) * ceilDivide(arguments.width, tile);
    return (tile + 2) * (tile + 2) * (ceilDivide(tiles, kLanes) * kLanes + 32);
  };
  const bool areTilesCheaper = std::min(cost(4), cost(2)) <= cost(1);
  if (arguments.upsample && areTilesCheaper) {
    runTiled(*doubled_, arguments, parallelFor);
  } else if (cost(4) <= std::min(cost(2), cost(1))) {
    runTiled(*large_, arguments, parallelFor);
  } else if (areTilesCheaper) {
    runTiled(*small_, arguments, parallelFor);
  } else {
    runDirect(*direct_, arguments, parallelFor);
  }
}

template <class Form>
void Conv3x3::runTiled(Weights<Form>& weights, const Conv3x3Arguments& a, const ParallelFor& parallelFor) {
  weights.prepare(weight_, transposed_);
  using Block = TileBlock<Form>;
  constexpr int kWindow = Form::kWindow, kProducts = Form::kProducts;
  const std::int64_t halving = a.upsample ? 1 : 0;
  const Planes<const float> x{a.x, inputs_, a.height >> halving, a.width >> halving};
  const Planes<float> y{a.y, outputs_, a.height, a.width};
  const TileGrid grid(a.n, a.height, a.width, Form::kOutputs);
  const std::int64_t blockTiles = blockTilesFor(inputs_), blocks = ceilDivide(grid.count(), blockTiles);
  const auto blockAt = [&](std::int64_t index) {
    const std::int64_t first = index * blockTiles;
    return Block(grid, first, std::min(blockTiles, grid.count() - first));
  };

  // v: [row of the window, column, input, tile of the block]. A cache line between the first two keeps them out of each other's cache sets.
  const auto frequencyStride = [&](const Block& block) { return inputs_ * block.stride() + 16; };
  const auto transformInputs = [&](const Block& block, std::int64_t begin, std::int64_t end, float* v) {
    thread_local std::vector<float> memory;
    memory.assign((kWindow + 1) * Block::kLineLength, 0);
    float* lines = memory.data();
    for (std::int64_t c = begin; c < end; ++c) {
      block.transformColumns(x, c, lines);
      block.transformRows(lines, v + c * block.stride(), frequencyStride(block));
    }
  };

  // The products and the way back of one panel of output channels; sums: [frequency, row of the panel, tile of the block]
  const auto computeOutputs = [&](const Block& block, std::int64_t first, int rows, const float* v, float* sums) {
    const std::int64_t stride = block.stride();
    for (int f = 0; f < kProducts * kProducts; ++f) {
      const int factor = Form::kFactor[f / kProducts] * kWindow + Form::kFactor[f % kProducts];
      multiplyPanel(rows, weights.at(f, first), v + factor * frequencyStride(block), inputs_, stride, sums + f * rows * stride);
    }
    for (std::int64_t r = 0; r < rows && first + r < outputs_; ++r) {
      const Epilogue finish{a.bias == nullptr ? 0 : a.bias[first + r], a.activation};
      block.transformOutputs(sums + r * stride, rows * stride, y, a.residual, first + r, finish);
    }
  };

  thread_local std::vector<float> inputMemory, outputMemory;
  const std::vector<int>& panels = weights.panels();
  const std::int64_t inputCount = kWindow * kWindow * (inputs_ * blockTiles + 16), outputCount = kProducts * kProducts * 6 * blockTiles;

  if (blocks >= 2 * static_cast<std::int64_t>(threads_)) {
    parallelFor(static_cast<std::size_t>(blocks), [&](std::size_t index) {
      float *v = scratch(inputMemory, inputCount), *sums = scratch(outputMemory, outputCount);
      const Block block = blockAt(static_cast<std::int64_t>(index));
      transformInputs(block, 0, inputs_, v);
      for (std::size_t panel = 0; panel < panels.size(); ++panel) computeOutputs(block, weights.firstRow(panel), panels[panel], v, sums);
    });
    return;
  }

  // A small image: the threads share the channels instead.
  float* v = scratch(inputMemory, inputCount);
  const std::int64_t shares = std::min<std::int64_t>(threads_, inputs_);
  for (std::int64_t index = 0; index < blocks; ++index) {
    const Block block = blockAt(index);
    parallelFor(static_cast<std::size_t>(shares), [&](std::size_t share) {
      const auto s = static_cast<std::int64_t>(share);
      transformInputs(block, s * inputs_ / shares, (s + 1) * inputs_ / shares, v);
    });
    parallelFor(panels.size(), [&](std::size_t panel) {
      computeOutputs(block, weights.firstRow(panel), panels[panel], v, scratch(outputMemory, outputCount));
    });
  }
}

void Conv3x3::runDirect(Weights<Taps>& weights, const Conv3x3Arguments& a, const ParallelFor& parallelFor) {
  weights.prepare(weight_, transposed_);
  const std::int64_t pixels = a.n * a.height * a.width, stride = ceilDivide(pixels, kLanes) * kLanes, terms = 9 * inputs_;
  std::vector<TileGroup<1>> groups;
  for (std::int64_t t = 0; t < pixels; t += kLanes) groups.emplace_back(t, pixels, a.height, a.width);

  // v: [tap, input, pixel]
  thread_local std::vector<float> inputMemory, outputMemory;
  float* v = scratch(inputMemory, terms * stride);
  parallelFor(static_cast<std::size_t>(inputs_), [&](std::size_t index) {
    const auto c = static_cast<std::int64_t>(index);
    for (std::size_t group = 0; group < groups.size(); ++group) {
      Window<1> window;
      gather<1>(a, inputs_, c, groups[group], window);
      for (int tap = 0; tap < 9; ++tap)
        store(v + (tap * inputs_ + c) * stride + static_cast<std::int64_t>(group) * kLanes, window[tap / 3][tap % 3]);
    }
  });
  const std::vector<int>& panels = weights.panels();
  parallelFor(panels.size(), [&](std::size_t panel) {
    const int rows = panels[panel];
    const std::int64_t first = weights.firstRow(panel);
    float* y = scratch(outputMemory, 6 * stride);
    multiplyPanel(rows, weights.at(0, first), v, terms, stride, y);
    for (std::int64_t r = 0; r < rows && first + r < outputs_; ++r) {
      const Epilogue finish{a.bias == nullptr ? 0 : a.bias[first + r], a.activation};
      for (std::size_t group = 0; group < groups.size(); ++group)
        scatter<1>(a, outputs_, first + r, groups[group], {{{load(y + r * stride + static_cast<std::int64_t>(group) * kLanes)}}}, finish);
    }
  });
}

}  // namespace latino::cpu
