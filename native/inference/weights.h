// Weights that are widened to float32 before ONNX Runtime sees them.
#pragma once

#include <memory>
#include <vector>

#include "inference/half.h"
#include "inference/session.h"
#include "tensor/host_vector.h"

namespace latino {

/// Throws ModelError where a file is there and is another than this version of it. Its inode does not count: some network file systems make
/// up another one whenever they have forgotten it.
void requireUnchanged(const std::string& path, const FileVersion& version);
/// Bytes of a weight in its file, or in memory. Throws ModelError.
std::size_t storedBytes(const WeightSource& source);
/// Throws the ModelError of a weight that cannot be read, without reading it.
void checkWeight(const WeightSource& source);
/// Reads a weight from its file or its bytes, transposes it where its transpose is stored, and adds its updates. Throws ModelError.
HostVector<float> readWeight(const WeightSource& source);
/// Whether a weight is in half precision as it is to be used: one that is updated or transposed is not.
bool isHalf(const WeightSource& source);
/// Whether a weight is used as it is stored, numbers of 16 or 32 bits.
bool isUsedAsStored(const WeightSource& source);

/// The bytes of a weight in its file, or in memory, which must outlive this: read in pieces, by any number of threads.
class StoredBytes {
 public:
  /// Throws ModelError where the file cannot hold the weight, or is another than it was.
  explicit StoredBytes(const WeightSource& source);
  ~StoredBytes();
  StoredBytes(StoredBytes&& other) noexcept;
  StoredBytes& operator=(StoredBytes&&) = delete;

  std::size_t size() const { return size_; }
  /// Throws ModelError, CancelledError.
  void read(std::size_t first, std::size_t count, void* to) const;
  /// To be called when all that is wanted has been read: throws ModelError where the file has changed meanwhile.
  void finish() const;

 private:
  const WeightSource* source_;
  std::size_t size_;
  int file_ = -1;
};

/// The values of a weight that is used as it is stored, F32 or F16.
template <class Value>
class StoredValues {
 public:
  using value_type = Value;

  explicit StoredValues(const WeightSource& source) : bytes_(source) {}
  std::size_t size() const { return bytes_.size() / sizeof(Value); }
  void read(std::size_t first, std::size_t count, Value* to) const { bytes_.read(first * sizeof(Value), count * sizeof(Value), to); }
  void finish() const { bytes_.finish(); }

 private:
  StoredBytes bytes_;
};

/// As readWeight, in memory once for all who hold it: a network and its derivative have the same weights.
std::shared_ptr<const HostVector<float>> sharedWeight(const WeightSource& source);

}  // namespace latino
