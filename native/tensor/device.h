// A device is where tensors live: it owns memory and an ordered queue of work.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tensor/memory_pool.h"
#include "tensor/queue.h"

namespace latino {

enum class DeviceKind { cpu, cuda };

struct TransferCounts {
  std::uint64_t uploads = 0, uploadBytes = 0, downloads = 0, downloadBytes = 0;
};

/// Hears when work is done, or what went wrong; on any thread. Must not throw.
using Completion = std::function<void(std::exception_ptr error)>;

/// Work is handed over with `submit` (see tensor.h) and runs in order on the queue's thread; nothing that enqueues waits.
/// A CUDA device implements the same interface with a stream: its tasks launch kernels, which run after them.
class Device : public MemorySource, public std::enable_shared_from_this<Device> {
 public:
  ~Device() override;

  virtual DeviceKind kind() const = 0;
  virtual int index() const = 0;
  virtual std::string name() const = 0;
  /// Threads of the host that share its loops.
  virtual unsigned threadCount() const = 0;

  /// Ordered copies, called on the queue's thread only; they count as transfers. The host's memory is free again when they return, so the
  /// second one waits: for numbers that decide what comes next.
  void copyFromHost(void* device, const void* host, std::size_t bytes);
  void copyToHost(void* host, const void* device, std::size_t bytes);
  /// As copyToHost, but nobody waits: `then` is called with the values, which it has for as long as it runs, or with null and what went
  /// wrong. On any thread; it must not throw.
  void read(const void* device, std::size_t bytes, std::function<void(const void* values, std::exception_ptr error)> then);
  /// Calls `then` when what has been launched so far is done; what comes later does not delay it. On the queue's thread only.
  virtual void whenDone(Completion then) = 0;

  Queue& queue() { return *queue_; }
  MemoryPool& pool() { return *pool_; }
  TransferCounts transfers() const;
  MemoryCounts memory() const;

  /// Has `kept` trimmed together with the device, for as long as it lives.
  void alsoTrim(std::weak_ptr<KeptMemory> kept);
  /// Gives back what is kept for the next task; on the queue's thread only, which does it when it has been idle for a moment and there is
  /// much.
  void trim() noexcept;
  /// Gives back what is free in the pools, for work that is about to want blocks of other sizes; on the queue's thread only.
  void trimFree() noexcept;

 protected:
  explicit Device(MemoryPool::Keeps keeps = MemoryPool::Keeps::whatWasInUse);
  virtual void copyIn(void* device, const void* host, std::size_t bytes) = 0;
  virtual void copyOut(void* host, const void* device, std::size_t bytes) = 0;
  virtual void readOut(const void* device, std::size_t bytes, std::function<void(const void*, std::exception_ptr)> then) = 0;
  /// Hands memory that has been freed on to the operating system.
  virtual void returnFreed() noexcept = 0;
  /// To be called by the destructors of derived classes, before their memory functions are gone.
  void shutdown() noexcept;

 private:
  void trimIfMuch() noexcept;

  std::unique_ptr<MemoryPool> pool_;
  std::mutex keptMutex_;
  std::vector<std::weak_ptr<KeptMemory>> kept_;
  std::unique_ptr<Queue> queue_;
  std::atomic<std::uint64_t> uploads_{0}, uploadBytes_{0}, downloads_{0}, downloadBytes_{0};
};

}  // namespace latino
