// A layer's split, each task on a thread of its own.
#pragma once

#include <thread>
#include <vector>

#include "inference/layers/parallel.h"

namespace latino::layers {

/// The process ends where an exception leaves such a thread, as with those of ONNX Runtime.
inline const ParallelFor kSideBySide = [](std::size_t count, const std::function<void(std::size_t)>& task) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) threads.emplace_back(task, i);
  for (std::thread& thread : threads) thread.join();
};

}  // namespace latino::layers
