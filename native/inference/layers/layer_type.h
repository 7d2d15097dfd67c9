// How ONNX Runtime calls a class of ours as a layer. Such a class has a name, says what it reads and writes, is made of a node's attributes
// and computes a Call.
#pragma once

#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "inference/layers/layer_call.h"
#include "inference/layers/packed_store.h"
#include "inference/runtime.h"
#include "inference/weights.h"

namespace latino::layers {

/// What layers get from their session.
struct LayerContext {
  std::vector<WeightSource> weights;
  unsigned threads = 1;
  std::shared_ptr<PackedStore> packed;

  /// Throws ModelError where no weight has the name, or where its file is too short.
  const WeightSource& weight(const std::string& name) const;
};

/// Opens a weight when a layer first needs it; one in half precision stays so. The context must outlive what is returned.
ReadWeight reader(const WeightSource& weight);

/// Runs `body` and turns what it throws into a status: no exception may pass through ONNX Runtime.
template <class Body>
ort::Status* guarded(const Body& body) noexcept {
  const char* message = "A layer failed for an unknown reason";
  try {
    body();
    return nullptr;
  } catch (const std::bad_alloc&) {
    message = "Expected enough free memory for a layer of the network but there is less";
  } catch (const std::exception& error) {
    return ort::createStatus(ort::table(), ort::kFail, error.what());
  } catch (...) {
  }
  return ort::createStatus(ort::table(), ort::kFail, message);
}

/// The table by which ONNX Runtime calls a layer.
template <class Layer>
struct LayerType : ort::CustomOp {
  explicit LayerType(const LayerContext& session) : ort::CustomOp{}, context(session) {
    version = ort::kCustomOpVersion;
    getName = [](const ort::CustomOp*) { return Layer::kName; };
    getExecutionProvider = [](const ort::CustomOp*) { return static_cast<const char*>(nullptr); };
    getInputType = [](const ort::CustomOp*, std::size_t) { return static_cast<int>(ort::kFloat); };
    getInputTypeCount = [](const ort::CustomOp*) { return Layer::kInputs; };
    getOutputType = [](const ort::CustomOp*, std::size_t) { return static_cast<int>(ort::kFloat); };
    getOutputTypeCount = [](const ort::CustomOp*) { return std::size_t{1}; };
    kernelDestroy = [](void* layer) { delete static_cast<Layer*>(layer); };
    getInputCharacteristic = [](const ort::CustomOp*, std::size_t index) {
      return static_cast<int>(index < Layer::kRequiredInputs ? ort::kRequired : ort::kOptional);
    };
    getOutputCharacteristic = [](const ort::CustomOp*, std::size_t) {
      return static_cast<int>(Layer::hasManyOutputs ? ort::kVariadic : ort::kRequired);
    };
    getInputMemoryType = [](const ort::CustomOp*, std::size_t) { return static_cast<int>(ort::kDefaultMemory); };
    const auto one = [](const ort::CustomOp*) { return 1; };
    getVariadicInputMinArity = one;
    getVariadicInputHomogeneity = one;
    getVariadicOutputMinArity = one;
    getVariadicOutputHomogeneity = one;
    createKernel = [](const ort::CustomOp* self, ort::Table*, const ort::KernelInfo* info, void** layer) {
      return guarded([&] { *layer = new Layer(info, static_cast<const LayerType*>(self)->context); });
    };
    kernelCompute = [](void* layer, ort::KernelContext* context) {
      return guarded([&] { static_cast<Layer*>(layer)->compute(Call(context)); });
    };
    getStartVersion = one;
    getEndVersion = [](const ort::CustomOp*) { return std::numeric_limits<int>::max(); };
  }

  const LayerContext& context;
};

}  // namespace latino::layers
