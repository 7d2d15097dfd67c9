#include "inference/layers/layer_call.h"

#include <algorithm>
#include <functional>

namespace latino::layers {

using ort::check;

std::int64_t integerAttribute(const ort::KernelInfo* info, const char* name) {
  std::int64_t value = 0;
  check<ModelError>(ort::kernelInfoGetInteger(ort::table(), info, name, &value));
  return value;
}

float floatAttribute(const ort::KernelInfo* info, const char* name) {
  float value = 0;
  check<ModelError>(ort::kernelInfoGetFloat(ort::table(), info, name, &value));
  return value;
}

std::string textAttribute(const ort::KernelInfo* info, const char* name) {
  std::size_t size = 0;
  check<ModelError>(ort::kernelInfoGetText(ort::table(), info, name, nullptr, &size));
  std::string text(size, '\0');
  check<ModelError>(ort::kernelInfoGetText(ort::table(), info, name, text.data(), &size));
  text.resize(size - 1);  // the size counts the terminating zero
  return text;
}

std::vector<std::string> linesAttribute(const ort::KernelInfo* info, const char* name) {
  const std::string text = textAttribute(info, name);
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

Shape shapeOf(const ort::Value* value) {
  ort::TensorInfo* raw = nullptr;
  check<RuntimeError>(ort::getTensorTypeAndShape(ort::table(), value, &raw));
  const ort::OwnedTensorInfo info(raw);
  std::size_t rank = 0;
  check<RuntimeError>(ort::getDimensionsCount(ort::table(), raw, &rank));
  Shape shape(rank);
  check<RuntimeError>(ort::getDimensions(ort::table(), raw, shape.data(), rank));
  return shape;
}

Call::Call(ort::KernelContext* context) : context_(context) { check<RuntimeError>(ort::getInputCount(ort::table(), context, &inputs_)); }

const ort::Value* Call::input(std::size_t index) const {
  const ort::Value* value = nullptr;
  if (index < inputs_) check<RuntimeError>(ort::getInput(ort::table(), context_, index, &value));
  return value;
}

const float* Call::data(std::size_t index) const {
  const ort::Value* value = input(index);
  if (value == nullptr) return nullptr;
  void* data = nullptr;
  // ONNX Runtime has one accessor, for reading and writing.
  check<RuntimeError>(ort::getTensorData(ort::table(), const_cast<ort::Value*>(value), &data));
  return static_cast<const float*>(data);
}

float* Call::output(const Shape& shape, std::size_t index) const {
  ort::Value* value = nullptr;
  check<RuntimeError>(ort::getOutput(ort::table(), context_, index, shape.data(), shape.size(), &value));
  void* data = nullptr;
  check<RuntimeError>(ort::getTensorData(ort::table(), value, &data));
  return static_cast<float*>(data);
}

ParallelFor Call::parallelFor() const {
  const auto loop = [context = context_](std::size_t count, const std::function<void(std::size_t)>& task) {
    const auto run = [](void* user, std::size_t index) { (*static_cast<const std::function<void(std::size_t)>*>(user))(index); };
    check<RuntimeError>(ort::parallelFor(ort::table(), context, run, count, 0, const_cast<std::function<void(std::size_t)>*>(&task)));
  };
  return rethrowing(loop, currentCancellation());
}

}  // namespace latino::layers
