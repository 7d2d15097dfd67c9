// Tensors: cheap handles to memory on a device that is taken when the first task writes it and returned after the last
// task that uses it.
#pragma once

#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include "tensor/cancellation.h"
#include "tensor/device.h"
#include "tensor/shape.h"

namespace latino {

/// Memory of one or more tensors, taken from the device's pool by `materialise` on the queue's thread.
class Storage {
 public:
  Storage(std::shared_ptr<Device> device, std::size_t bytes) : device_(std::move(device)), bytes_(bytes) {}
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void materialise();
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  const std::shared_ptr<Device>& device() const { return device_; }

  /// A task that failed leaves its error in what it should have written; it travels on to whoever waits for the result.
  std::exception_ptr error;
  /// What cancels the work that writes this, and all that is computed from it; null where nobody can. Set before that work is enqueued.
  std::shared_ptr<Cancellation> cancellation;

 private:
  std::shared_ptr<Device> device_;
  std::size_t bytes_;
  void* data_ = nullptr;
};

class Tensor {
 public:
  Tensor() = default;
  /// Memory is taken by the first task that writes it.
  Tensor(std::shared_ptr<Device> device, Shape shape, DType dtype = DType::f32);

  bool valid() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  std::int64_t dim(std::size_t i) const { return shape_[i]; }
  std::size_t rank() const { return shape_.size(); }
  DType dtype() const { return dtype_; }
  std::int64_t size() const { return elementCount(shape_); }
  std::size_t bytes() const { return static_cast<std::size_t>(size()) * sizeOf(dtype_); }
  Device& device() const { return *storage_->device(); }
  const std::shared_ptr<Device>& sharedDevice() const { return storage_->device(); }
  Storage& storage() const { return *storage_; }

  /// The same memory under another shape of as many elements.
  Tensor reshaped(Shape shape) const;

  /// Device pointer; inside tasks only.
  template <class T>
  T* data() const {
    return static_cast<T*>(storage_->data());
  }

 private:
  std::shared_ptr<Storage> storage_;
  Shape shape_;
  DType dtype_ = DType::f32;
};

/// Enqueues `work`, which reads `inputs` and writes `outputs`; memory of the outputs is there when it runs. An error in an
/// input, or thrown by `work`, becomes the outputs' error. The outputs are cancelled by what cancels the inputs. Throws ArgumentError
/// unless all tensors are on one device.
void submit(std::vector<Tensor> inputs, std::vector<Tensor> outputs, std::function<void()> work);

/// Copies host data to a new tensor; the data is copied before this returns, the upload is ordered.
/// `cancellation` cancels all that will be computed from it.
Tensor upload(std::shared_ptr<Device> device, Shape shape, DType dtype, const void* data,
              std::shared_ptr<Cancellation> cancellation = nullptr);

/// Blocking download for C++ callers (tests): waits for the queue, throws the tensor's error.
std::vector<float> readFloats(const Tensor& tensor);

}  // namespace latino
