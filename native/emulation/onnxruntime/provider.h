// What ONNX Runtime's CUDA provider has been told, and what it holds on the emulated device.
#pragma once

#include <driver_types.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "emulation/world.h"

namespace latino::emulation {

/// Of one session: as it is configured, and then as it was made.
struct Provider {
  std::map<std::string, std::string> options;
  cudaStream_t stream = nullptr;
  bool isAlone = false;                        // without the CPU's for nodes that it lacks
  std::vector<std::shared_ptr<void>> weights;  // copies, as the GPU has them

  /// Ends the process where this is not how the library wants its networks computed.
  void require() const;
};

/// Bytes of a tensor.
struct Extent {
  const void* first = nullptr;
  std::size_t bytes = 0;
};

/// As work of the provider's stream, which is waited for, as ONNX Runtime does: `run` computes with these tensors. Says whether the device
/// still works.
bool runOnStream(const Provider& provider, const std::vector<Extent>& tensors, const std::function<void()>& run);

}  // namespace latino::emulation
