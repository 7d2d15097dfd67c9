#include "inference/layers/pack_panel.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "inference/layers/packed_weights.h"
#include "side_by_side.h"
#include "tensor/error.h"

using namespace latino;
using namespace latino::layers;

namespace {

/// A weight 1, 2, 3, ... in a file, behind three other numbers, that is gone at the end of the test.
template <class Value>
struct CountingFile {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("latino-pack-panel-test-" + std::to_string(getpid()));
  HostVector<Value> values;
  WeightSource source;

  explicit CountingFile(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<Value>(i + 1));
    std::ofstream out(path, std::ios::binary);
    const std::vector<Value> others(3);
    out.write(reinterpret_cast<const char*>(others.data()), 3 * sizeof(Value));
    out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(Value)));
    source = {"w", {count}, sizeof(Value) == 4 ? "F32" : "F16", path.string(), 3 * sizeof(Value), {}};
  }
  ~CountingFile() { std::filesystem::remove(path); }
};

template <class Value>
std::vector<Value> weightsOf(const PackedWeights& packed) {
  std::vector<Value> all(packed.bytes() / sizeof(Value));
  packed.visit([&]<class Weight>(const Weight* weights) {
    if constexpr (std::is_same_v<Weight, Value>) std::copy_n(weights, all.size(), all.begin());
  });
  return all;
}

/// [panel, tap, input, 16]
template <class Value>
std::vector<Value> panelsOf(const HostVector<Value>& values, const WeightLayout& layout) {
  std::vector<Value> all(static_cast<std::size_t>(layout.panels() * layout.panelSize()));
  std::size_t at = 0;
  const std::int64_t width = layout.outputs * (layout.isGated ? 2 : 1);
  for (std::int64_t panel = 0; panel < layout.panels(); ++panel)
    for (std::int64_t tap = 0; tap < layout.taps; ++tap)
      for (std::int64_t input = 0; input < layout.inputs; ++input)
        for (std::int64_t place = 0; place < kPanel; ++place, ++at) {
          const std::int64_t output = layout.isGated ? panel * kLanes + place % kLanes : panel * kPanel + place;
          if (output >= layout.outputs) continue;
          const std::int64_t row = layout.isGated && place >= kLanes ? layout.outputs + output : output;
          all[at] = values[static_cast<std::size_t>(layout.isTransposed ? (input * width + row) * layout.taps + layout.taps - 1 - tap
                                                                        : (row * layout.inputs + input) * layout.taps + tap)];
        }
  return all;
}

template <class Value>
void checkPanels(const WeightLayout& layout) {
  CAPTURE(layout.outputs);
  CAPTURE(layout.inputs);
  CAPTURE(layout.taps);
  CAPTURE(layout.isTransposed);
  CAPTURE(layout.isGated);
  const CountingFile<Value> weight(layout.outputs * (layout.isGated ? 2 : 1) * layout.terms());
  const auto want = panelsOf(weight.values, layout);
  CHECK(weightsOf<Value>({weight.values, layout, kSideBySide}) == want);
  CHECK(weightsOf<Value>({StoredValues<Value>(weight.source), layout, kSideBySide}) == want);
}

}  // namespace

TEST_CASE("panels hold every value in its place, whether a weight is in memory or read from its file by many threads") {
  for (const std::int64_t outputs : {1, 8, 13, 40})
    for (const std::int64_t inputs : {1, 7, 24})
      for (const bool isTransposed : {false, true})
        for (const auto& [taps, isGated] : {std::pair(1, false), std::pair(1, true), std::pair(9, false)}) {
          const WeightLayout layout = {outputs, inputs, taps, isTransposed, isGated};
          checkPanels<float>(layout);
          checkPanels<Half>(layout);
        }
}

TEST_CASE("a file that changes while its panels are packed is an error of the model") {
  const CountingFile<Half> weight(40 * 24);
  WeightSource source = weight.source;
  StoredValues<Half> opened(source);
  source.version = FileVersion{1, 0};  // as it was before
  CHECK_THROWS_WITH_AS(PackedWeights(std::move(opened), WeightLayout{.outputs = 40, .inputs = 24}, kSideBySide),
                       doctest::Contains("has changed since"), ModelError);
  const StoredValues<Half> whole(weight.source);
  std::filesystem::resize_file(weight.path, 100);
  HostVector<Half> values(whole.size());
  CHECK_THROWS_WITH_AS(whole.read(0, values.size(), values.data()), doctest::Contains("cannot be read"), ModelError);
}
