// How a layer of ours asks ONNX Runtime for its attributes, and for what one call of it reads and writes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inference/layers/parallel.h"
#include "inference/runtime.h"
#include "tensor/shape.h"

namespace latino::layers {

std::int64_t integerAttribute(const ort::KernelInfo* info, const char* name);
float floatAttribute(const ort::KernelInfo* info, const char* name);
std::string textAttribute(const ort::KernelInfo* info, const char* name);
/// The lines of a text attribute, which holds several names.
std::vector<std::string> linesAttribute(const ort::KernelInfo* info, const char* name);

Shape shapeOf(const ort::Value* value);

class Call {
 public:
  explicit Call(ort::KernelContext* context);

  /// Null when an optional input is left out.
  const ort::Value* input(std::size_t index) const;
  const float* data(std::size_t index) const;
  float* output(const Shape& shape, std::size_t index = 0) const;
  /// On the session's own threads; interrupted with the task that runs the network.
  ParallelFor parallelFor() const;

 private:
  ort::KernelContext* context_;
  std::size_t inputs_ = 0;
};

}  // namespace latino::layers
