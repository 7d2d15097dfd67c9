// What ONNX Runtime has to know of the devices that a flavour of the addon has: where tensors lie and who computes. One implementation is
// linked: provider_cpu.cpp, or that of another flavour beside it.
#pragma once

#include <memory>
#include <vector>

#include "inference/runtime.h"
#include "inference/session.h"

namespace latino {

/// One session's; outlives it.
class Provider {
 public:
  /// `threads` 0 takes every core the process may use.
  Provider(Device& device, std::vector<WeightSource> layerWeights, unsigned threads);
  ~Provider();

  /// Of the device's tensors.
  const ort::MemoryInfo* memory() const;
  /// To be called before the session is made.
  void configure(ort::SessionOptions* settings) const;
  /// Whether a session has its own copy of weights once it is made; else it uses them where they are, for as long as it lives.
  bool copiesWeights() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Gives a new environment the allocators that all sessions share.
void registerAllocators(ort::Env* environment);

}  // namespace latino
