#include "test/test_device.h"

#include "cpu/cpu_device.h"

namespace latino {

std::shared_ptr<Device> openTestDevice(unsigned threads) { return openCpuDevice(threads); }

}  // namespace latino
