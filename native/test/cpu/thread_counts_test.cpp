// What is computed is the same on any number of threads.
#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "kernels/elementwise.h"
#include "operators/operator.h"
#include "test/slow_run.h"
#include "test/test_device.h"

using namespace latino;

TEST_CASE("the error variance does not depend on the number of threads") {
  const std::int64_t height = kSlowRun ? 31 : 61, width = kSlowRun ? 43 : 97;
  const auto variance = [=](const std::shared_ptr<Device>& device) {
    const Tensor residual = randn(device, {2, 3, height, width}, 4, 0);
    const std::vector<float> plain = readFloats(makeIdentity(device)->errorVariance(residual, {0.1}, 1e-3));
    const auto blur = makeCircularConvolution(device, {5, 5, 2, 2, std::vector<double>(25, 1.0 / 25)}, height, width, 1);
    const std::vector<float> blurred = readFloats(blur->errorVariance(blur->residual(residual, residual), {0.1}, 1e-3));
    // One image of unit variance: less what the noise explains.
    CHECK(plain[0] == doctest::Approx(0.99).epsilon(kSlowRun ? 0.06 : 0.03));
    return std::pair(plain, blurred);
  };
  CHECK(variance(openTestDevice(1)) == variance(openTestDevice(3)));
}
