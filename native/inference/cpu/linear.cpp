#include "inference/cpu/linear.h"

#include <algorithm>
#include <vector>

#include "inference/cpu/image_rows.h"

namespace latino::cpu {

namespace {

/// Rows whose channels the second-level cache holds beside a panel of weights.
std::int64_t rowsAtOnce(std::int64_t inputs) {
  constexpr std::int64_t kFloats = 1 << 14;
  return std::max<std::int64_t>(1, kFloats / (inputs * kGroupRows)) * kGroupRows;
}

}  // namespace

/// What one thread computes at a time: rows of one image by panels.
struct Linear::Block {
  std::int64_t n, firstRow, rows, firstPanel, lastPanel;
};

Linear::Linear(ReadWeight weight, const LinearOptions& options, unsigned threads)
    : weight_(std::move(weight)), options_(options), threads_(threads) {}

PackedWeights Linear::pack() const {
  const auto indexOf = [this](std::int64_t row, std::int64_t input) {
    const std::int64_t width = options_.outputs * (options_.isGated ? 2 : 1);
    return options_.isTransposed ? input * width + row : row * options_.inputs + input;
  };
  if (!options_.isGated) return {weight_(), options_.outputs, options_.inputs, indexOf};
  // Eight values and their eight gates share a panel.
  const auto gated = [&](std::int64_t place, std::int64_t input) -> std::int64_t {
    const std::int64_t output = place / kPanel * kLanes + place % kLanes;
    if (output >= options_.outputs) return -1;
    return indexOf(place % kPanel < kLanes ? output : options_.outputs + output, input);
  };
  return {weight_(), ceilDivide(options_.outputs, kLanes) * kPanel, options_.inputs, gated};
}

void Linear::run(const LinearArguments& a, const ParallelFor& parallelFor) {
  std::call_once(once_, [&] { packed_ = std::make_unique<PackedWeights>(pack()); });
  const std::int64_t panels = ceilDivide(options_.outputs, options_.isGated ? kLanes : kPanel);
  // Tokens of several images are the rows of one matrix.
  LinearArguments joined = a;
  if (options_.from == Layout::tokens && options_.to == Layout::tokens) {
    joined.rows *= a.n;
    joined.n = 1;
  }
  const std::int64_t blockRows = rowsAtOnce(options_.inputs), rowBlocks = joined.n * ceilDivide(joined.rows, blockRows);
  // Few rows: the threads share the panels instead, so that each weight is read once.
  const std::int64_t shares = std::min(panels, ceilDivide(4 * static_cast<std::int64_t>(threads_), rowBlocks));
  packed_->visit([&](const auto* weights) {
    parallelFor(static_cast<std::size_t>(rowBlocks * shares), [&](std::size_t index) {
      const std::int64_t share = static_cast<std::int64_t>(index) % shares, rowBlock = static_cast<std::int64_t>(index) / shares;
      const std::int64_t perImage = rowBlocks / joined.n, firstRow = rowBlock % perImage * blockRows;
      runBlock(weights, joined,
               {rowBlock / perImage, firstRow, std::min(blockRows, joined.rows - firstRow), panels * share / shares,
                panels * (share + 1) / shares});
    });
  });
}

template <class Weight>
void Linear::runBlock(const Weight* weights, const LinearArguments& a, const Block& block) const {
  const std::int64_t inputs = options_.inputs;
  const float* x = a.x + (block.n * a.rows + block.firstRow) * inputs;
  std::int64_t rowStride = inputs, step = 1;
  if (options_.from == Layout::image) {
    // Neighbouring channels of a large image are far apart: copied, the cache holds them all.
    thread_local std::vector<float> memory;
    float* columns = scratch(memory, inputs * block.rows);
    for (std::int64_t c = 0; c < inputs; ++c)
      std::copy_n(a.x + (block.n * inputs + c) * a.rows + block.firstRow, block.rows, columns + c * block.rows);
    x = columns;
    rowStride = 1;
    step = block.rows;
  }
  thread_local std::vector<float> rows;
  float* y = options_.to == Layout::image ? scratch(rows, kPanel * block.rows) : nullptr;
  const std::int64_t plane = block.n * a.rows * options_.outputs;
  const ImageWriter image = {options_.outputs,   a.rows, a.bias, a.residual == nullptr ? nullptr : a.residual + plane, a.y + plane,
                             options_.activation};
  for (std::int64_t panel = block.firstPanel; panel < block.lastPanel; ++panel) {
    forRowGroups(block.rows, [&]<int count>(std::int64_t first) {
      std::array<const float*, count> from;
      for (int r = 0; r < count; ++r) from[r] = x + (first + r) * rowStride;
      Sums<count> sums = {};
      multiplyAdd<count>(from, step, weights + panel * packed_->panelSize(), inputs, sums);
      if (y == nullptr)
        finishRows<count>(a, block.n * a.rows + block.firstRow + first, panel, sums);
      else
        storeRows<count>(sums, y + first * kPanel);
    });
    if (y != nullptr) image.write(y, panel, block.firstRow, block.rows);
  }
}

/// Writes rows of tokens.
template <int count>
void Linear::finishRows(const LinearArguments& a, std::int64_t row, std::int64_t panel, const Sums<count>& sums) const {
  const std::int64_t outputs = options_.outputs, vectors = options_.isGated ? 1 : 2;
  for (std::int64_t v = 0; v < vectors; ++v) {
    const std::int64_t output = (panel * vectors + v) * kLanes, lanes = std::min<std::int64_t>(kLanes, outputs - output);
    if (lanes <= 0) return;
    const Vector8 bias = a.bias == nullptr ? Vector8{} : loadFirst(a.bias + output, lanes);
    const Vector8 gateBias = a.bias == nullptr || !options_.isGated ? Vector8{} : loadFirst(a.bias + outputs + output, lanes);
#pragma GCC unroll 6
    for (int r = 0; r < count; ++r) {
      const std::int64_t at = (row + r) * outputs + output;
      Vector8 value = sums[r][v] + bias;
      if (options_.isGated) value *= activate(sums[r][1] + gateBias, options_.activation);
      if (a.residual != nullptr) value += loadFirst(a.residual + at, lanes);
      if (!options_.isGated) value = activate(value, options_.activation);
      storeFirst(a.y + at, value, lanes);
    }
  }
}

}  // namespace latino::cpu
