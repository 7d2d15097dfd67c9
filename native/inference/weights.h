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
/// Reads such a weight as it is. Throws ModelError.
HostVector<Half> readHalves(const WeightSource& source);
/// As readWeight, in memory once for all who hold it: a network and its derivative have the same weights.
std::shared_ptr<const HostVector<float>> sharedWeight(const WeightSource& source);

}  // namespace latino
