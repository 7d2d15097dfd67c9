#include "inference/weights.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <span>
#include <sstream>
#include <utility>
#include <vector>

#include "tensor/error.h"

namespace latino {

void requireUnchanged(const std::string& path, const FileVersion& version) {
  struct stat now = {};
  if (stat(path.c_str(), &now) != 0) return;
#ifdef __APPLE__
  const timespec modified = now.st_mtimespec;
#else
  const timespec modified = now.st_mtim;
#endif
  const std::int64_t nanoseconds = std::int64_t{modified.tv_sec} * 1'000'000'000 + modified.tv_nsec;
  if (static_cast<std::uint64_t>(now.st_size) == version.size && nanoseconds == version.modified) return;
  throw ModelError("Expected " + path + " as it was when the model was loaded but it has changed since; load the model anew");
}

namespace {

float fromBrain(std::uint16_t brain) { return std::bit_cast<float>(static_cast<std::uint32_t>(brain) << 16); }

std::filesystem::path pathOf(const WeightSource& source) { return std::u8string(source.path.begin(), source.path.end()); }

/// Checks that a weight's bytes are there, before memory is taken: a corrupt shape may ask for any amount of it.
void checkBytes(const WeightSource& source, std::size_t count) {
  if (source.path.empty()) {
    if (source.data.size() != count) {
      throw ModelError("Expected " + std::to_string(count) + " bytes for weight " + source.name + " but received " +
                       std::to_string(source.data.size()));
    }
    return;
  }
  if (source.version) requireUnchanged(source.path, *source.version);
  std::error_code failure;
  const std::uintmax_t size = std::filesystem::file_size(pathOf(source), failure);
  if (failure) throw ModelError("Expected a readable file " + source.path + " for weight " + source.name + " (" + failure.message() + ")");
  if (count > size || source.offset > size - count) {
    throw ModelError("Expected " + std::to_string(count) + " bytes at " + std::to_string(source.offset) + " of " + source.path +
                     " for weight " + source.name + " but the file has " + std::to_string(size));
  }
}

void noteRead(const WeightSource& source, std::size_t count) {
  if (source.mark && !source.mark->isRead.exchange(true)) *source.mark->sessionBytes += count;
}

std::size_t elementsOf(const WeightSource& source) {
  try {
    return static_cast<std::size_t>(elementCount(source.shape));
  } catch (const ShapeError&) {
    throw ModelError("Expected a shape that fits in memory for weight " + source.name + " but received " + toString(source.shape));
  }
}

std::size_t bytesPerElement(const WeightSource& source) {
  if (source.sourceType == "F32") return 4;
  if (source.sourceType == "F16" || source.sourceType == "BF16") return 2;
  throw ModelError("Expected F32, F16 or BF16 for weight " + source.name + " but received " + source.sourceType);
}

}  // namespace

std::size_t storedBytes(const WeightSource& source) { return elementsOf(source) * bytesPerElement(source); }

void checkWeight(const WeightSource& source) { checkBytes(source, storedBytes(source)); }

StoredBytes::StoredBytes(const WeightSource& source) : source_(&source), size_(storedBytes(source)) {
  checkBytes(source, size_);
  if (!source.path.empty() && size_ > 0) file_ = open(source.path.c_str(), O_RDONLY | O_CLOEXEC);
}

StoredBytes::StoredBytes(StoredBytes&& other) noexcept
    : source_(other.source_), size_(other.size_), file_(std::exchange(other.file_, -1)) {}

StoredBytes::~StoredBytes() {
  if (file_ >= 0) close(file_);
}

void StoredBytes::read(std::size_t first, std::size_t count, void* to) const {
  constexpr std::size_t kPiece = 1 << 20;
  if (source_->path.empty()) {
    if (count > 0) std::memcpy(to, source_->data.data() + first, count);
    return;
  }
  for (std::size_t done = 0; done < count;) {
    throwIfCancelled();
    const auto at = static_cast<off_t>(source_->offset + first + done);
    const ssize_t bytes = pread(file_, static_cast<std::byte*>(to) + done, std::min(kPiece, count - done), at);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0)
      throw ModelError("Expected " + std::to_string(size_) + " bytes at " + std::to_string(source_->offset) + " of " + source_->path +
                       " for weight " + source_->name + " but they cannot be read");
    done += static_cast<std::size_t>(bytes);
  }
}

void StoredBytes::finish() const {
  if (source_->path.empty()) return;
  if (source_->version) requireUnchanged(source_->path, *source_->version);
  noteRead(*source_, size_);
}

namespace {

HostVector<float> readStored(const WeightSource& source) {
  const StoredBytes stored(source);
  HostVector<float> values(elementsOf(source));
  if (source.sourceType == "F32") {
    stored.read(0, stored.size(), values.data());
  } else {
    const bool half = source.sourceType == "F16";
    constexpr std::size_t kPiece = 1 << 15;
    std::vector<std::uint16_t> piece(std::min(kPiece, values.size()));  // so that they are never in memory as a whole
    for (std::size_t first = 0; first < values.size(); first += piece.size()) {
      const std::size_t count = std::min(piece.size(), values.size() - first);
      stored.read(2 * first, 2 * count, piece.data());
      for (std::size_t i = 0; i < count; ++i) values[first + i] = half ? widen(static_cast<Half>(piece[i])) : fromBrain(piece[i]);
    }
  }
  stored.finish();
  return values;
}

/// weight: [rows, columns]. Columns are taken in strips, so that those of `down` stay in the cache for all rows.
void add(const LowRankUpdate& update, std::span<float> weight) {
  const HostVector<float> up = readStored(*update.up), down = readStored(*update.down);
  const std::int64_t rank = update.down->shape.empty() ? 0 : update.down->shape[0];
  const auto size = [](std::size_t count) { return static_cast<std::int64_t>(count); };
  if (rank < 1 || size(up.size()) % rank != 0 || size(down.size()) % rank != 0 ||
      size(up.size()) / rank * (size(down.size()) / rank) != size(weight.size()))
    throw ModelError("Expected factors of the shape of the weight but " + update.up->name + " is " + toString(update.up->shape) + " and " +
                     update.down->name + " is " + toString(update.down->shape));
  const std::int64_t rows = size(up.size()) / rank, columns = size(down.size()) / rank;
  constexpr std::int64_t kStrip = 512;
  for (std::int64_t first = 0; first < columns; first += kStrip) {
    const std::int64_t last = std::min(columns, first + kStrip);
    for (std::int64_t row = 0; row < rows; ++row) {
      throwIfCancelled();
      float* to = weight.data() + row * columns;
      for (std::int64_t r = 0; r < rank; ++r) {
        const float factor = static_cast<float>(update.factor * up[static_cast<std::size_t>(row * rank + r)]);
        const float* from = down.data() + r * columns;
        for (std::int64_t column = first; column < last; ++column) to[column] += factor * from[column];
      }
    }
  }
}

}  // namespace

namespace {

/// stored: [columns, rows] of a weight [rows, columns].
HostVector<float> transposed(const HostVector<float>& stored, const WeightSource& source) {
  if (source.shape.size() != 2)
    throw ModelError("Expected a matrix to transpose for weight " + source.name + " but received " + toString(source.shape));
  const auto rows = static_cast<std::size_t>(source.shape[0]), columns = static_cast<std::size_t>(source.shape[1]);
  HostVector<float> values(stored.size());
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t column = 0; column < columns; ++column) values[row * columns + column] = stored[column * rows + row];
  return values;
}

}  // namespace

HostVector<float> readWeight(const WeightSource& source) {
  HostVector<float> values = readStored(source);
  if (source.isTransposed) values = transposed(values, source);
  for (const LowRankUpdate& update : source.updates) add(update, values);
  return values;
}

bool isUsedAsStored(const WeightSource& source) { return source.sourceType != "BF16" && source.updates.empty() && !source.isTransposed; }

bool isHalf(const WeightSource& source) { return source.sourceType == "F16" && isUsedAsStored(source); }

std::shared_ptr<const HostVector<float>> sharedWeight(const WeightSource& source) {
  if (source.path.empty() || !source.updates.empty()) return std::make_shared<const HostVector<float>>(readWeight(source));
  using Weight = std::shared_ptr<const HostVector<float>>;
  static std::mutex mutex;
  static auto* held = new std::map<std::string, std::weak_ptr<const HostVector<float>>>;  // never destroyed: sessions may outlive it
  checkWeight(source);
  std::error_code failure;
  // Cast, since libc++ counts its file clock in an integer of 128 bits, which no stream prints.
  const auto written =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::filesystem::last_write_time(pathOf(source), failure).time_since_epoch());
  std::ostringstream key;
  key << source.path << '\n'
      << written.count() << ' ' << source.offset << ' ' << source.sourceType << ' ' << toString(source.shape) << source.isTransposed;
  const auto known = [&]() -> Weight {
    const auto found = held->find(key.str());
    return found == held->end() ? nullptr : found->second.lock();
  };
  {
    const std::lock_guard lock(mutex);
    if (Weight weight = known()) {
      noteRead(source, storedBytes(source));
      return weight;
    }
  }
  // Read without the lock: sessions are made side by side. Who comes second takes what the first has read.
  Weight read = std::make_shared<const HostVector<float>>(readWeight(source));
  const std::lock_guard lock(mutex);
  if (Weight weight = known()) return weight;
  std::erase_if(*held, [](const auto& entry) { return entry.second.expired(); });
  (*held)[key.str()] = read;
  return read;
}

}  // namespace latino
