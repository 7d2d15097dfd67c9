#include "cpu/thread_pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "tensor/error.h"

using namespace latino;

TEST_CASE("a parallel loop covers its range once") {
  ThreadPool pool(4);
  for (const std::int64_t n : {0, 1, 7, 1000, 4097}) {
    std::vector<int> visits(static_cast<std::size_t>(n));
    pool.parallelFor(n, 10, [&visits](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
    });
    CHECK(std::all_of(visits.begin(), visits.end(), [](int count) { return count == 1; }));
  }
}

TEST_CASE("what a piece of a parallel loop throws reaches the caller, and the pool works on") {
  ThreadPool pool(4);
  const auto throwing = [](std::int64_t begin, std::int64_t) {
    if (begin == 50) throw ShapeError("piece");
  };
  CHECK_THROWS_AS(pool.parallelFor(100, 10, throwing), ShapeError);
  std::atomic<int> count = 0;
  pool.parallelFor(100, 10, [&count](std::int64_t begin, std::int64_t end) { count += static_cast<int>(end - begin); });
  CHECK(count == 100);
}
