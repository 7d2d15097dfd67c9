// How a layer shares its work among the threads of whoever calls it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "tensor/cancellation.h"

namespace latino::layers {

/// Runs task(0) ... task(count - 1), perhaps side by side; throws what a task throws.
using ParallelFor = std::function<void(std::size_t count, const std::function<void(std::size_t)>& task)>;

/// Of a loop whose threads no exception may leave (ONNX Runtime's), one that throws in its caller the first that a task throws; tasks that
/// have not begun are left out then. Before each task it looks whether the work is still wanted. `cancellation` may be null.
ParallelFor rethrowing(ParallelFor loop, std::shared_ptr<Cancellation> cancellation);

}  // namespace latino::layers
