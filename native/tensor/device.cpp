#include "tensor/device.h"

#include <utility>

namespace latino {

namespace {
/// What a small picture leaves, and would miss after every pause; a large one leaves several times as much.
constexpr std::size_t kMuch = std::size_t{96} << 20;
}  // namespace

Device::Device(MemoryPool::Keeps keeps)
    : pool_(std::make_unique<MemoryPool>(*this, keeps)), queue_(std::make_unique<Queue>([this] { trimIfMuch(); })) {}

Device::~Device() = default;

void Device::shutdown() noexcept {
  queue_.reset();
  pool_.reset();
}

void Device::copyFromHost(void* device, const void* host, std::size_t bytes) {
  if (bytes == 0) return;  // an empty tensor has no address
  copyIn(device, host, bytes);
  ++uploads_;
  uploadBytes_ += bytes;
}

void Device::copyToHost(void* host, const void* device, std::size_t bytes) {
  if (bytes == 0) return;  // an empty tensor has no address
  copyOut(host, device, bytes);
  ++downloads_;
  downloadBytes_ += bytes;
}

void Device::read(const void* device, std::size_t bytes, std::function<void(const void*, std::exception_ptr)> then) {
  if (bytes == 0) return whenDone([then = std::move(then)](const std::exception_ptr& error) { then(nullptr, error); });
  ++downloads_;  // first: whoever hears of the values may look
  downloadBytes_ += bytes;
  readOut(device, bytes, std::move(then));
}

TransferCounts Device::transfers() const { return {uploads_, uploadBytes_, downloads_, downloadBytes_}; }

MemoryCounts Device::memory() const { return pool_->counts(); }

void Device::alsoTrim(std::weak_ptr<KeptMemory> kept) {
  const std::lock_guard lock(keptMutex_);
  std::erase_if(kept_, [&](const auto& each) { return each.expired() || (!each.owner_before(kept) && !kept.owner_before(each)); });
  kept_.push_back(std::move(kept));
}

void Device::trimIfMuch() noexcept {
  std::size_t bytes = pool_->keptBytes();
  {
    const std::lock_guard lock(keptMutex_);
    for (const auto& each : kept_)
      if (const auto kept = each.lock()) bytes += kept->keptBytes();
  }
  if (bytes > kMuch) trim();
}

void Device::trimFree() noexcept {
  pool_->trimFree();
  const std::lock_guard lock(keptMutex_);
  for (const auto& each : kept_)
    if (const auto kept = each.lock()) kept->trimFree();
}

void Device::trim() noexcept {
  pool_->trim();
  {
    const std::lock_guard lock(keptMutex_);
    for (const auto& each : kept_)
      if (const auto kept = each.lock()) kept->trim();
  }
  returnFreed();
}

}  // namespace latino
