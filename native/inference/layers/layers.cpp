#include "inference/layers/layers.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "inference/layers/layer_type.h"

namespace latino::layers {

namespace {

/// All types of layers. Another one is a file beside theirs, and a line here.
constexpr std::shared_ptr<const ort::CustomOp> (*kTypes[])(const LayerContext&) = {conv3x3Layer, groupNormLayer, linearLayer,
                                                                                   attentionLayer};

/// Of a network's weights, as they lie in their files, the part that its packed ones may take while there is no work.
constexpr std::size_t kKeptShare = 2;

}  // namespace

const WeightSource& LayerContext::weight(const std::string& name) const {
  const auto found = std::find_if(weights.begin(), weights.end(), [&](const WeightSource& source) { return source.name == name; });
  if (found == weights.end()) throw ModelError("Expected the weight " + name + " among those of the session's layers");
  checkWeight(*found);
  return *found;
}

ReadWeight reader(const WeightSource& weight) {
  return [&weight]() -> WeightValues {
    if (!isUsedAsStored(weight)) return readWeight(weight);
    if (isHalf(weight)) return StoredValues<Half>(weight);
    return StoredValues<float>(weight);
  };
}

struct Layers::Parts {
  LayerContext context;
  std::vector<std::shared_ptr<const ort::CustomOp>> types;
  ort::OwnedDomain domain;
};

Layers::Layers(std::vector<WeightSource> weights, unsigned threads) : parts_(std::make_unique<Parts>()) {
  const auto bytes = [](std::size_t sum, const WeightSource& weight) { return sum + storedBytes(weight); };
  const std::size_t stored = std::accumulate(weights.begin(), weights.end(), std::size_t{0}, bytes);
  parts_->context = {std::move(weights), threads, std::make_shared<PackedStore>(stored / kKeptShare)};
  ort::CustomOpDomain* raw = nullptr;
  ort::check<RuntimeError>(ort::createCustomOpDomain(ort::table(), "latino.cpu", &raw));
  parts_->domain.reset(raw);
  for (const auto& type : kTypes) {
    parts_->types.push_back(type(parts_->context));
    ort::check<RuntimeError>(ort::customOpDomainAdd(ort::table(), raw, parts_->types.back().get()));
  }
}

Layers::~Layers() = default;

void Layers::addTo(ort::SessionOptions* settings) const {
  ort::check<RuntimeError>(ort::addCustomOpDomain(ort::table(), settings, parts_->domain.get()));
}

std::weak_ptr<KeptMemory> Layers::packed() const { return parts_->context.packed; }

}  // namespace latino::layers
