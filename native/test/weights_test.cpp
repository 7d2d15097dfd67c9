#include "inference/weights.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "rounding.h"
#include "tensor/error.h"

using namespace latino;

namespace {

/// A file of ten bytes 0, 1, 2, ... that is gone at the end of the test.
struct File {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("latino-weights-test-" + std::to_string(getpid()));
  File() {
    std::ofstream out(path, std::ios::binary);
    for (char i = 0; i < 10; ++i) out.put(i);
  }
  ~File() { std::filesystem::remove(path); }
};

std::vector<std::byte> bytesOf(std::initializer_list<std::uint16_t> words) {
  std::vector<std::byte> bytes(2 * words.size());
  std::memcpy(bytes.data(), words.begin(), bytes.size());
  return bytes;
}

HostVector<Half> readHalves(const WeightSource& source) {
  const StoredValues<Half> stored(source);
  HostVector<Half> values(stored.size());
  stored.read(0, values.size(), values.data());
  stored.finish();
  return values;
}

}  // namespace

TEST_CASE("weights are widened to float32") {
  CHECK(readWeight({"w", {5}, "F16", {}, 0, bytesOf({0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00})}) ==
        HostVector<float>{1, -2, 0x1p-24F, 65504, INFINITY});
  CHECK(readWeight({"w", {3}, "BF16", {}, 0, bytesOf({0x3f80, 0xc000, 0x7f80})}) == HostVector<float>{1, -2, INFINITY});
  CHECK(readWeight({"w", {1, 1}, "F32", {}, 0, bytesOf({0, 0x3f80})}) == HostVector<float>{1});
  CHECK(readWeight({"w", {0}, "F32", {}, 0, {}}).empty());
}

TEST_CASE("a weight that its file cannot hold is an error of the model, before memory is taken for it") {
  const File file;
  const std::string path = file.path.string();
  CHECK(readWeight({"w", {1}, "F16", path, 8, {}}).size() == 1);
  const std::int64_t huge = std::int64_t{1} << 40;
  for (const WeightSource& source :
       {WeightSource{"an offset past the end", {1}, "F16", path, 9, {}}, WeightSource{"a shape past the end", {3}, "F32", path, 0, {}},
        WeightSource{"an offset of minus one", {1}, "F16", path, ~std::uint64_t{0}, {}},
        WeightSource{"more than the machine has", {huge}, "F32", path, 0, {}},
        WeightSource{"more than can be counted", {huge, huge}, "F32", path, 0, {}},
        WeightSource{"a negative extent", {-1}, "F32", path, 0, {}}, WeightSource{"another type", {1}, "F64", path, 0, {}},
        WeightSource{"no file", {1}, "F16", path + "-missing", 0, {}},
        WeightSource{"a folder", {1}, "F16", file.path.parent_path().string(), 0, {}},
        WeightSource{"too few bytes", {2}, "F16", {}, 0, bytesOf({0})},
        WeightSource{"huge, in memory", {huge}, "F16", {}, 0, bytesOf({0})}}) {
    CAPTURE(source.name);
    CHECK_THROWS_WITH_AS(readWeight(source), doctest::Contains(source.name.c_str()), ModelError);
  }
}

TEST_CASE("a weight of a file is in memory once") {
  const File file;
  const WeightSource source{"w", {2}, "F16", file.path.string(), 2, {}};
  const auto weight = sharedWeight(source);
  CHECK(*weight == readWeight(source));
  WeightSource other = source;
  other.name = "the same by another name";
  CHECK(sharedWeight(other) == weight);
  other.offset = 4;
  CHECK(sharedWeight(other) != weight);
  other = source;
  other.sourceType = "BF16";
  CHECK(sharedWeight(other) != weight);
}

namespace {

WeightSource floats(std::string name, Shape shape, const std::vector<float>& values) {
  const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
  return {std::move(name), std::move(shape), "F32", {}, 0, {bytes, bytes + 4 * values.size()}};
}

LowRankUpdate update(Shape up, const std::vector<float>& upValues, Shape down, const std::vector<float>& downValues, double factor) {
  return {std::make_shared<WeightSource>(floats("up", std::move(up), upValues)),
          std::make_shared<WeightSource>(floats("down", std::move(down), downValues)), factor};
}

}  // namespace

TEST_CASE("low-rank updates are added to a weight as it is read") {
  // More columns than are taken at once.
  const std::int64_t rows = 3, columns = 700, rank = 2;
  std::vector<float> weight(rows * columns), up(rows * rank), down(rank * columns);
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = std::sin(static_cast<float>(i));
  for (std::size_t i = 0; i < up.size(); ++i) up[i] = static_cast<float>(i) - 2;
  for (std::size_t i = 0; i < down.size(); ++i) down[i] = std::cos(0.1F * static_cast<float>(i));
  WeightSource source = floats("w", {rows, 7, 10, 10}, weight);
  source.updates.push_back(update({rows, rank, 1, 1}, up, {rank, 7, 10, 10}, down, 0.5));
  source.updates.push_back(update({rows, 1}, {1, 1, 1}, {1, columns}, std::vector<float>(columns, 1), 3));
  const HostVector<float> got = readWeight(source);
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t column = 0; column < columns; ++column) {
      double want = weight[row * columns + column] + 3.0, magnitude = std::abs(weight[row * columns + column]) + 3.0;
      for (std::int64_t r = 0; r < rank; ++r) {
        const double term = 0.5 * up[row * rank + r] * down[r * columns + column];
        want += term;
        magnitude += std::abs(term);
      }
      CHECK(std::abs(got[row * columns + column] - want) < roundingOfSum(2 + rank, magnitude));
    }
}

TEST_CASE("an updated weight is no longer in half precision, nor shared with one that is not updated") {
  WeightSource source{"w", {1, 1}, "F16", {}, 0, bytesOf({0x3c00})};
  CHECK(isHalf(source));
  source.updates.push_back(update({1, 1}, {1}, {1, 1}, {1}, 0.25));
  CHECK_FALSE(isHalf(source));
  CHECK_FALSE(isUsedAsStored(source));
  CHECK(readWeight(source) == HostVector<float>{1.25});

  const File file;
  WeightSource stored{"w", {1, 1}, "BF16", file.path.string(), 0, {}};
  const auto plain = sharedWeight(stored);
  stored.updates = source.updates;
  CHECK((*sharedWeight(stored))[0] == (*plain)[0] + 0.25F);
  CHECK(sharedWeight(stored) != plain);
}

TEST_CASE("factors of another shape than the weight are an error of the model") {
  for (const Shape& down : {Shape{1, 3}, Shape{0, 2}, Shape{}, Shape{2, 2}}) {
    WeightSource source = floats("w", {2, 2}, {1, 2, 3, 4});
    const std::vector<float> values(static_cast<std::size_t>(elementCount(down)), 1);
    source.updates.push_back(update({2, 1}, {1, 1}, down, values, 1));
    CHECK_THROWS_AS(readWeight(source), ModelError);
  }
}

TEST_CASE("reading a weight, and adding its updates, ends where the work is cancelled") {
  const File file;
  const WeightSource stored{"w", {5}, "F16", file.path.string(), 0, {}};
  WeightSource updated = floats("w", {2, 1}, {1, 2});
  updated.updates.push_back(update({2, 1}, {1, 1}, {1, 1}, {1}, 1));
  const auto cancellation = std::make_shared<Cancellation>();
  const CancellationScope scope(cancellation);
  CHECK(readHalves(stored).size() == 5);
  CHECK(readWeight(updated) == HostVector<float>{2, 3});
  cancellation->cancel();
  CHECK_THROWS_AS(readHalves(stored), CancelledError);
  CHECK_THROWS_AS(sharedWeight(stored), CancelledError);
  CHECK_THROWS_AS(readWeight(updated), CancelledError);
}

TEST_CASE("a matrix whose transpose is stored is transposed as it is read, before its updates are added") {
  WeightSource source = floats("w", {2, 3}, {1, 2, 3, 4, 5, 6});
  source.isTransposed = true;
  CHECK(readWeight(source) == HostVector<float>{1, 3, 5, 2, 4, 6});
  source.updates.push_back(update({2, 1}, {1, 0}, {1, 3}, {10, 20, 30}, 1));
  CHECK(readWeight(source) == HostVector<float>{11, 23, 35, 2, 4, 6});

  const WeightSource half{"h", {1, 1}, "F16", {}, 0, bytesOf({0x3c00}), {}, true};
  CHECK_FALSE(isUsedAsStored(half));
  CHECK(readWeight(half) == HostVector<float>{1});

  const File file;
  WeightSource stored{"f", {2, 2}, "F16", file.path.string(), 0, {}};
  const auto plain = sharedWeight(stored);
  stored.isTransposed = true;
  CHECK(*sharedWeight(stored) == HostVector<float>{(*plain)[0], (*plain)[2], (*plain)[1], (*plain)[3]});

  source.shape = {6};
  source.updates.clear();
  CHECK_THROWS_AS(readWeight(source), ModelError);
}

TEST_CASE("a file that has changed since its header was read is an error of the model") {
  const File file;
  struct stat now = {};
  REQUIRE(stat(file.path.c_str(), &now) == 0);
#ifdef __APPLE__
  const timespec modified = now.st_mtimespec;
#else
  const timespec modified = now.st_mtim;
#endif
  const FileVersion version{10, std::int64_t{modified.tv_sec} * 1'000'000'000 + modified.tv_nsec};
  WeightSource source{"w", {2}, "F16", file.path.string(), 2, {}};
  source.version = version;
  CHECK(readWeight(source).size() == 2);
  CHECK(readHalves(source).size() == 2);
  const auto fails = [&] {
    CHECK_THROWS_WITH_AS(readWeight(source), doctest::Contains("has changed since"), ModelError);
    CHECK_THROWS_WITH_AS(readHalves(source), doctest::Contains("has changed since"), ModelError);
    CHECK_THROWS_WITH_AS(sharedWeight(source), doctest::Contains("has changed since"), ModelError);
  };
  std::filesystem::last_write_time(file.path, std::filesystem::last_write_time(file.path) + std::chrono::seconds(1));
  fails();
  source.version = FileVersion{9, version.modified + 1'000'000'000};
  fails();
  source.version->size = 10;
  CHECK(sharedWeight(source)->size() == 2);
}

TEST_CASE("a weight that has been read counts once among those of its session") {
  const File file;
  WeightSource source{"w", {2}, "F16", file.path.string(), 2, {}};
  source.mark = std::make_shared<ReadMark>();
  source.mark->sessionBytes = std::make_shared<std::atomic<std::uint64_t>>(0);
  const auto first = sharedWeight(source);
  CHECK(*source.mark->sessionBytes == 4);
  CHECK(readWeight(source).size() == 2);
  CHECK(*source.mark->sessionBytes == 4);

  WeightSource elsewhere = source;
  elsewhere.mark = std::make_shared<ReadMark>();
  elsewhere.mark->sessionBytes = std::make_shared<std::atomic<std::uint64_t>>(0);
  CHECK(sharedWeight(elsewhere) == first);
  CHECK(*elsewhere.mark->sessionBytes == 4);
}
