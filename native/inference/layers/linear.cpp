#include "inference/layers/linear.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "inference/layers/image_rows.h"
#include "inference/layers/thread_scratch.h"

namespace latino::layers {

namespace {

/// Rows whose channels the first-level cache holds beside a panel of weights; or the second-level one, where the weights are so many that
/// they come from memory for every block of rows.
std::int64_t rowsAtOnce(std::int64_t inputs, std::int64_t outputs) {
  const std::int64_t floats = inputs * outputs <= 1 << 22 ? 1 << 14 : 1 << 17;
  return std::max<std::int64_t>(1, floats / (inputs * kGroupRows)) * kGroupRows;
}

float sumOf(const float* x, std::int64_t count, float mean, bool isSquared) {
  Vector8 sums = {};
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const std::int64_t lanes = std::min<std::int64_t>(kLanes, count - i);
    Vector8 value = loadFirst(x + i, lanes) - mean;
    for (std::int64_t lane = lanes; lane < kLanes; ++lane) value[lane] = 0;
    sums += isSquared ? value * value : value;
  }
  return sumOfLanes(sums);
}

void normalize(const LayerNorm& norm, const float* x, std::int64_t count, float* y) {
  const auto size = static_cast<float>(count);
  const float mean = sumOf(x, count, 0, false) / size, factor = 1 / std::sqrt(sumOf(x, count, mean, true) / size + norm.epsilon);
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const std::int64_t lanes = std::min<std::int64_t>(kLanes, count - i);
    const Vector8 value = (loadFirst(x + i, lanes) - mean) * factor * loadFirst(norm.scale + i, lanes) + loadFirst(norm.bias + i, lanes);
    storeFirst(y + i, value, lanes);
  }
}

}  // namespace

/// What one thread computes at a time: rows of one image by panels.
struct Linear::Block {
  std::int64_t n, firstRow, rows, firstPanel, lastPanel;
};

/// How the work is cut: blocks of rows, whose panels are shared out.
struct Linear::Cut {
  std::int64_t n, rows, blockRows, blocksPerImage, panels, shares;

  Block block(std::int64_t piece) const {
    const std::int64_t share = piece % shares, block = piece / shares, firstRow = block % blocksPerImage * blockRows;
    return {block / blocksPerImage, firstRow, std::min(blockRows, rows - firstRow), panels * share / shares, panels * (share + 1) / shares};
  }
};

Linear::Linear(ReadWeight weight, ReadWeight bias, const LinearOptions& options, unsigned threads, std::shared_ptr<PackedStore> packed)
    : readWeight_(std::move(weight)),
      readBias_(std::move(bias)),
      options_(options),
      threads_(threads),
      packed_(std::move(packed)),
      key_(packed_->newKey()) {}

std::shared_ptr<const PackedWeights> Linear::prepare(const ParallelFor& parallelFor) {
  std::call_once(once_, [this] {
    if (readBias_) bias_ = widened(readBias_());
  });
  return packed_->get(key_, [&] { return pack(parallelFor); });
}

PackedWeights Linear::pack(const ParallelFor& parallelFor) const {
  const WeightLayout layout = {
      .outputs = options_.outputs, .inputs = options_.inputs, .isTransposed = options_.isTransposed, .isGated = options_.isGated};
  return {readWeight_(), layout, parallelFor};
}

Linear::Cut Linear::cut(const LinearArguments& a) const {
  Cut cut{};
  // Tokens of several images are the rows of one matrix.
  const bool isOneMatrix = options_.from == Layout::tokens && options_.to == Layout::tokens;
  cut.n = isOneMatrix ? 1 : a.n;
  cut.rows = isOneMatrix ? a.n * a.rows : a.rows;
  cut.blockRows = rowsAtOnce(options_.inputs, options_.outputs * (options_.isGated ? 2 : 1));
  cut.blocksPerImage = ceilDivide(cut.rows, cut.blockRows);
  cut.panels = ceilDivide(options_.outputs, options_.isGated ? kLanes : kPanel);
  // Few rows: the threads share the panels instead, so that each weight is read once.
  cut.shares = std::min(cut.panels, ceilDivide(static_cast<std::int64_t>(threads_), cut.n * cut.blocksPerImage));
  return cut;
}

std::int64_t Linear::pieces(const LinearArguments& a) const {
  const Cut pieces = cut(a);
  return pieces.n * pieces.blocksPerImage * pieces.shares;
}

void Linear::run(const PackedWeights& packed, const LinearArguments& a, std::int64_t piece) const {
  packed.visit([&](const auto* weights) { runBlock(weights, packed.panelSize(), a, cut(a).block(piece)); });
}

void run(std::span<const LinearCall> calls, const ParallelFor& parallelFor) {
  std::vector<std::shared_ptr<const PackedWeights>> packed;
  std::vector<std::pair<std::size_t, std::int64_t>> pieces;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    packed.push_back(calls[i].layer->prepare(parallelFor));
    for (std::int64_t piece = 0; piece < calls[i].layer->pieces(calls[i].arguments); ++piece) pieces.emplace_back(i, piece);
  }
  parallelFor(pieces.size(), [&](std::size_t index) {
    const auto& [call, piece] = pieces[index];
    calls[call].layer->run(*packed[call], calls[call].arguments, piece);
  });
}

template <class Weight>
void Linear::runBlock(const Weight* weights, std::int64_t panelSize, const LinearArguments& a, const Block& block) const {
  const std::int64_t inputs = options_.inputs;
  const float* x = a.x + (block.n * a.rows + block.firstRow) * inputs;
  std::int64_t rowStride = inputs, step = 1;
  thread_local HostVector<float> memory, rows;
  if (a.norm) {
    float* normalized = scratch(memory, inputs * block.rows);
    for (std::int64_t row = 0; row < block.rows; ++row) normalize(*a.norm, x + row * inputs, inputs, normalized + row * inputs);
    x = normalized;
  } else if (options_.from == Layout::image) {
    // Neighbouring channels of a large image are far apart: copied, the cache holds them all.
    float* columns = scratch(memory, inputs * block.rows);
    for (std::int64_t c = 0; c < inputs; ++c)
      std::copy_n(a.x + (block.n * inputs + c) * a.rows + block.firstRow, block.rows, columns + c * block.rows);
    x = columns;
    rowStride = 1;
    step = block.rows;
  }
  float* y = options_.to == Layout::image ? scratch(rows, kPanel * block.rows) : nullptr;
  const std::int64_t plane = block.n * a.rows * options_.outputs;
  const float* residual = a.residual == nullptr ? nullptr : a.residual + plane;
  const float* bias = bias_.empty() ? nullptr : bias_.data();
  const ImageWriter image = {options_.outputs, a.rows, bias, residual, a.y + plane, options_.activation};
  for (std::int64_t panel = block.firstPanel; panel < block.lastPanel; ++panel) {
    forRowGroups(block.rows, [&]<int count>(std::int64_t first) {
      std::array<const float*, count> from;
      for (int r = 0; r < count; ++r) from[r] = x + (first + r) * rowStride;
      Sums<count> sums = {};
      multiplyAdd<count, Weight, 2>(from, {.count = inputs, .step = step}, weights + panel * panelSize, sums);
      if (y == nullptr)
        finishRows<count>(a, block.n * a.rows + block.firstRow + first, panel, sums);
      else
        storeRows<count, 2>(sums, y + first * kPanel);
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
    const Vector8 bias = bias_.empty() ? Vector8{} : loadFirst(bias_.data() + output, lanes);
    const Vector8 gateBias = bias_.empty() || !options_.isGated ? Vector8{} : loadFirst(bias_.data() + outputs + output, lanes);
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

}  // namespace latino::layers
