#include "tensor/tensor.h"

#include <cstring>

#include "tensor/error.h"

namespace latino {

namespace {
constexpr std::size_t kGivenAtOnce = std::size_t{1} << 20;
}

Storage::~Storage() {
  if (data_ == nullptr) return;
  const auto give = [device = device_, data = data_, bytes = bytes_] { device->pool().give(data, bytes); };
  // Giving much memory back to the system takes long, and this thread may be JavaScript's.
  const bool isForQueue = bytes_ > kGivenAtOnce && !device_->queue().onQueueThread();
  try {
    if (isForQueue) {
      device_->queue().enqueue(give);
      return;
    }
  } catch (const std::bad_alloc&) {  // no room for the task
  }
  give();
}

void Storage::materialise() {
  if (data_ == nullptr) data_ = device_->pool().take(bytes_);
}

Tensor::Tensor(std::shared_ptr<Device> device, Shape shape, DType dtype) : shape_(std::move(shape)), dtype_(dtype) {
  for (const std::int64_t extent : shape_) {
    if (extent < 0) throw ShapeError("Expected extents of 0 or more but received " + toString(shape_));
  }
  storage_ = std::make_shared<Storage>(std::move(device), bytes());
}

Tensor Tensor::reshaped(Shape shape) const {
  if (elementCount(shape) != size()) {
    throw ShapeError("Expected a shape of " + std::to_string(size()) + " elements but received " + toString(shape));
  }
  Tensor view = *this;
  view.shape_ = std::move(shape);
  return view;
}

void submit(std::vector<Tensor> inputs, std::vector<Tensor> outputs, std::function<void()> work) {
  Device& device = outputs.empty() ? inputs.at(0).device() : outputs[0].device();
  std::shared_ptr<Cancellation> cancellation;
  for (const std::vector<Tensor>* tensors : {&inputs, &outputs}) {
    for (const Tensor& tensor : *tensors) {
      // Another device's queue knows nothing of this one's order.
      if (tensor.valid() && &tensor.device() != &device) throw ArgumentError("Expected all tensors on one device but they are on several");
      if (!cancellation && tensor.valid()) cancellation = tensor.storage().cancellation;
    }
  }
  for (const Tensor& output : outputs) output.storage().cancellation = cancellation;
  device.queue().enqueue([inputs = std::move(inputs), outputs = std::move(outputs), work = std::move(work), cancellation] {
    const CancellationScope scope(cancellation);
    std::exception_ptr error;
    for (const Tensor& input : inputs) {
      if (!error && input.valid()) error = input.storage().error;
    }
    if (!error) {
      try {
        throwIfCancelled();
        for (const Tensor& output : outputs) output.storage().materialise();
        work();
      } catch (...) {
        error = std::current_exception();
      }
    }
    if (error) {
      for (const Tensor& output : outputs) output.storage().error = error;
    }
  });
}

Tensor upload(std::shared_ptr<Device> device, Shape shape, DType dtype, const void* data, std::shared_ptr<Cancellation> cancellation) {
  Tensor tensor(std::move(device), std::move(shape), dtype);
  tensor.storage().cancellation = std::move(cancellation);
  auto copy = std::make_shared<std::vector<std::byte>>(tensor.bytes());
  if (!copy->empty()) std::memcpy(copy->data(), data, copy->size());
  submit({}, {tensor}, [tensor, copy] { tensor.device().copyFromHost(tensor.data<void>(), copy->data(), copy->size()); });
  return tensor;
}

std::vector<float> readFloats(const Tensor& tensor) {
  if (tensor.dtype() != DType::f32) throw ArgumentError(std::string("Expected a tensor of f32 but received ") + nameOf(tensor.dtype()));
  std::vector<float> values(static_cast<std::size_t>(tensor.size()));
  Device& device = tensor.device();
  device.queue().enqueue([&] {
    if (tensor.storage().error || tensor.storage().data() == nullptr) return;
    try {
      device.copyToHost(values.data(), tensor.data<void>(), tensor.bytes());
    } catch (...) {
      tensor.storage().error = std::current_exception();
    }
  });
  device.queue().drain();
  if (tensor.storage().error) std::rethrow_exception(tensor.storage().error);
  return values;
}

}  // namespace latino
