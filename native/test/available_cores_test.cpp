#include "cpu/available_cores.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace latino;

namespace {

/// The files that Linux tells of control groups by, below a folder of their own.
class Machine {
 public:
  explicit Machine(const std::vector<std::pair<std::string, std::string>>& files) {
    for (const auto& [name, text] : files) {
      const std::filesystem::path path = root_ / name;
      std::filesystem::create_directories(path.parent_path());
      std::ofstream(path) << text << '\n';
    }
  }
  ~Machine() { std::filesystem::remove_all(root_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  std::optional<unsigned> quota() const { return quotaOfCores(root_); }

 private:
  std::filesystem::path root_ = std::filesystem::temp_directory_path() /
                                ("latino-available-cores-" + std::to_string(std::random_device()()));  // tests may run twice at once
};

const std::pair<std::string, std::string> kUnified = {
    "proc/self/mountinfo",
    "24 1 0:22 / / rw - ext4 /dev/vda rw\n30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"};

}  // namespace

TEST_CASE("cores are at least one, and no more than the machine's") {
  CHECK(availableCores() >= 1);
  CHECK(availableCores() <= std::max(1U, std::thread::hardware_concurrency()));
}

TEST_CASE("a group without a quota, and a machine without groups, leave all cores") {
  CHECK(!Machine({}).quota());
  CHECK(!Machine({kUnified, {"proc/self/cgroup", "0::/"}}).quota());
  CHECK(!Machine({kUnified, {"proc/self/cgroup", "0::/a"}, {"sys/fs/cgroup/a/cpu.max", "max 100000"}}).quota());
  CHECK(!Machine({kUnified, {"proc/self/cgroup", "nonsense\n\n"}, {"sys/fs/cgroup/cpu.max", "none"}}).quota());
}

TEST_CASE("a quota is rounded up to whole cores") {
  const auto quotaOf = [](const char* max) {
    return Machine({kUnified, {"proc/self/cgroup", "0::/a"}, {"sys/fs/cgroup/a/cpu.max", max}}).quota();
  };
  CHECK(quotaOf("200000 100000") == 2);
  CHECK(quotaOf("150000 100000") == 2);
  CHECK(quotaOf("1000 100000") == 1);
  CHECK(quotaOf("1000000000000000000 1") == std::numeric_limits<unsigned>::max());
}

TEST_CASE("the tightest quota of a group and those above it counts") {
  const std::pair<std::string, std::string> own = {"proc/self/cgroup", "0::/pod/container"};
  CHECK(Machine({kUnified, own, {"sys/fs/cgroup/pod/cpu.max", "300000 100000"}, {"sys/fs/cgroup/pod/container/cpu.max", "max 100000"}})
            .quota() == 3);
  CHECK(Machine({kUnified, own, {"sys/fs/cgroup/pod/cpu.max", "300000 100000"}, {"sys/fs/cgroup/pod/container/cpu.max", "50000 50000"}})
            .quota() == 1);
  // The root of a container's own view, which is a group like any other.
  CHECK(Machine({kUnified, {"proc/self/cgroup", "0::/"}, {"sys/fs/cgroup/cpu.max", "250000 100000"}}).quota() == 3);
}

TEST_CASE("version 1 has its quota in two files, below the mount of the cpu controller") {
  const std::vector<std::pair<std::string, std::string>> files = {
      {"proc/self/cgroup", "5:memory:/elsewhere\n4:cpu,cpuacct:/docker/abc\n3:cpuset:/\n0::/"},
      {"sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "400000"},
      {"sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000"},
      {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1"},
      {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000"}};
  const auto with = [&](const std::string& mounts) {
    auto all = files;
    all.emplace_back("proc/self/mountinfo", mounts);
    return all;
  };
  const std::string cpu = "/sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct";
  const std::string others = "31 30 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n";
  CHECK(Machine(with(others + "32 30 0:28 / " + cpu)).quota() == 4);
  CHECK(!Machine(with(others)).quota());

  SUBCASE("in a container that sees its own group as the root of the mount") {
    const auto inside = [&](const std::string& group) {
      return Machine({{"proc/self/mountinfo", "32 30 0:28 " + group + " " + cpu},
                      {"proc/self/cgroup", "4:cpu,cpuacct:/docker/abc"},
                      {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "100000"},
                      {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000"}})
          .quota();
    };
    CHECK(inside("/docker/abc") == 1);
    CHECK(inside("/docker/other") == 1);
    CHECK(inside("/") == 1);  // its own group is not there, the one above it is
  }
}
