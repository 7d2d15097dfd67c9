#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "tensor/error.h"
#include "test_device.h"

/// What CTest takes for a test that was skipped.
constexpr int kSkipped = 77;

int main(int argc, char** argv) {
  try {
    latino::openTestDevice(1);
  } catch (const latino::DeviceError& error) {
    std::printf("%s\n", error.what());
    return kSkipped;
  }
  return doctest::Context(argc, argv).run();
}
