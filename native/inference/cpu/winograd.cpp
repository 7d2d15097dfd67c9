#include "inference/cpu/winograd.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>
#include <vector>

#include "inference/cpu/panels.h"
#include "inference/cpu/vector8.h"
#include "inference/cpu/winograd_tiles.h"
#include "inference/cpu/winograd_transforms.h"

namespace latino::cpu {

namespace {

/// Tiles that are transformed together: their values stay in the second-level cache between the three stages.
std::int64_t blockTilesFor(std::int64_t inputs) { return inputs <= 64 ? 16 : 32; }

struct Epilogue {
  float bias;
  Activation activation;
  template <class Value>
  Value operator()(Value y, Value residual) const {
    return activate(y + bias + residual, activation);
  }
};

}  // namespace

/// The weights after the transform, in the order in which the products read them: by frequency, panel, input channel, row.
template <class Form>
class WinogradConv3x3::Weights {
 public:
  explicit Weights(const Conv3x3Options& options) : options_(options), panels_(panelsOf(options.outputs)) {
    for (const int panel : panels_) {
      firstRows_.push_back(rows_);
      rows_ += panel;
    }
  }

  void prepare(const ReadWeight& weight) {
    std::call_once(once_, [&] { transform(widened(weight())); });
  }
  const std::vector<int>& panels() const { return panels_; }
  std::int64_t firstRow(std::size_t panel) const { return firstRows_[panel]; }
  const float* at(int frequency, std::int64_t firstRow) const { return values_.data() + (frequency * rows_ + firstRow) * options_.inputs; }

 private:
  void transform(const std::vector<float>& weight) {
    const auto [outputs, inputs, isTransposed] = options_;
    const std::int64_t step = rows_ * inputs;  // from one frequency to the next
    values_.assign(static_cast<std::size_t>(Form::kProducts * Form::kProducts * step), 0);
    for (std::size_t panel = 0; panel < panels_.size(); ++panel) {
      const std::int64_t first = firstRows_[panel], rows = panels_[panel];
      for (std::int64_t m = first; m < std::min(outputs, first + rows); ++m) {
        for (std::int64_t c = 0; c < inputs; ++c) {
          const auto products = transformFilter<Form>(weight.data() + 9 * (isTransposed ? c * outputs + m : m * inputs + c), isTransposed);
          float* to = values_.data() + first * inputs + c * rows + m - first;
          for (std::size_t f = 0; f < products.size(); ++f) to[static_cast<std::int64_t>(f) * step] = products[f];
        }
      }
    }
  }

  Conv3x3Options options_;
  std::int64_t rows_ = 0;
  std::vector<int> panels_;
  std::vector<std::int64_t> firstRows_;
  std::vector<float> values_;
  std::once_flag once_;
};

WinogradConv3x3::WinogradConv3x3(ReadWeight weight, const Conv3x3Options& options, unsigned threads)
    : weight_(std::move(weight)),
      options_(options),
      threads_(threads),
      tiles_(std::make_unique<Weights<Tiles4>>(options)),
      doubled_(std::make_unique<Weights<DoubledTiles>>(options)) {}

WinogradConv3x3::~WinogradConv3x3() = default;

void WinogradConv3x3::run(const Conv3x3Image& image, const ParallelFor& parallelFor) {
  image.upsample ? runTiled(*doubled_, image, parallelFor) : runTiled(*tiles_, image, parallelFor);
}

template <class Form>
void WinogradConv3x3::runTiled(Weights<Form>& weights, const Conv3x3Image& a, const ParallelFor& parallelFor) {
  weights.prepare(weight_);
  using Block = TileBlock<Form>;
  constexpr int kWindow = Form::kWindow, kProducts = Form::kProducts;
  const std::int64_t repeat = a.upsample ? 2 : 1, inputs = options_.inputs, outputs = options_.outputs;
  const Planes<const float> x{a.x, a.height / repeat, a.width / repeat};
  const Planes<float> y{a.y, a.height, a.width};
  const TileGrid grid(a.height, a.width, Form::kOutputs);
  const std::int64_t blockTiles = blockTilesFor(inputs), blocks = ceilDivide(grid.count(), blockTiles);
  const auto blockAt = [&](std::int64_t index) {
    const std::int64_t first = index * blockTiles;
    return Block(grid, first, std::min(blockTiles, grid.count() - first));
  };

  // v: [row of the window, column, input, tile of the block]. A cache line between the first two keeps them out of each other's cache sets.
  const auto frequencyStride = [&](const Block& block) { return inputs * block.stride() + 16; };
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
      multiplyPanel(rows, weights.at(f, first), v + factor * frequencyStride(block), inputs, stride, sums + f * rows * stride);
    }
    for (std::int64_t r = 0; r < rows && first + r < outputs; ++r) {
      const Epilogue finish{a.bias == nullptr ? 0 : a.bias[first + r], a.activation};
      block.transformOutputs(sums + r * stride, rows * stride, y, a.residual, first + r, finish);
    }
  };

  thread_local std::vector<float> inputMemory, outputMemory;
  const std::vector<int>& panels = weights.panels();
  const std::int64_t inputCount = kWindow * kWindow * (inputs * blockTiles + 16), outputCount = kProducts * kProducts * 6 * blockTiles;

  if (blocks >= 2 * static_cast<std::int64_t>(threads_)) {
    parallelFor(static_cast<std::size_t>(blocks), [&](std::size_t index) {
      float *v = scratch(inputMemory, inputCount), *sums = scratch(outputMemory, outputCount);
      const Block block = blockAt(static_cast<std::int64_t>(index));
      transformInputs(block, 0, inputs, v);
      for (std::size_t panel = 0; panel < panels.size(); ++panel) computeOutputs(block, weights.firstRow(panel), panels[panel], v, sums);
    });
    return;
  }

  // A small image: the threads share the channels instead.
  float* v = scratch(inputMemory, inputCount);
  const std::int64_t shares = std::min<std::int64_t>(threads_, inputs);
  for (std::int64_t index = 0; index < blocks; ++index) {
    const Block block = blockAt(index);
    parallelFor(static_cast<std::size_t>(shares), [&](std::size_t share) {
      const auto s = static_cast<std::int64_t>(share);
      transformInputs(block, s * inputs / shares, (s + 1) * inputs / shares, v);
    });
    parallelFor(panels.size(), [&](std::size_t panel) {
      computeOutputs(block, weights.firstRow(panel), panels[panel], v, scratch(outputMemory, outputCount));
    });
  }
}

}  // namespace latino::cpu
