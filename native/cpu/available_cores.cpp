#include "cpu/available_cores.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

namespace latino {

namespace {

using std::filesystem::path;

bool contains(const std::string& list, const std::string& word) { return ("," + list + ",").find("," + word + ",") != std::string::npos; }

/// A hierarchy of control groups that may limit processor time: where it is mounted, and which of its groups is there.
struct Hierarchy {
  bool isUnified;  // version 2
  path mount, mountedGroup;
};

/// A line of /proc/self/mountinfo: id parent device root mount options [optional...] - type source superOptions
std::optional<Hierarchy> hierarchyFrom(const std::string& line) {
  std::istringstream words(line);
  std::string word, group, mount, type, source, options;
  words >> word >> word >> word >> group >> mount;
  while (words >> word && word != "-") {
  }
  words >> type >> source >> options;
  const bool isUnified = type == "cgroup2";
  if (!isUnified && (type != "cgroup" || !contains(options, "cpu"))) return std::nullopt;
  return Hierarchy{isUnified, mount, group};
}

/// A line of /proc/self/cgroup: id:controllers:path, where version 2 names no controllers.
std::optional<path> groupFrom(const std::string& line, bool isUnified) {
  const std::size_t first = line.find(':'), second = line.find(':', first + 1);
  if (first == std::string::npos || second == std::string::npos) return std::nullopt;
  const std::string controllers = line.substr(first + 1, second - first - 1);
  if (isUnified ? !controllers.empty() : !contains(controllers, "cpu")) return std::nullopt;
  return line.substr(second + 1);
}

/// Cores that one group allows.
std::optional<double> quotaOf(const path& group, bool isUnified) {
  double quota = 0, period = 0;
  if (isUnified) {
    std::ifstream(group / "cpu.max") >> quota >> period;  // "max 100000" where there is no limit, which is no number
  } else {
    std::ifstream(group / "cpu.cfs_quota_us") >> quota;  // -1 where there is no limit
    std::ifstream(group / "cpu.cfs_period_us") >> period;
  }
  if (quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

std::vector<std::string> linesOf(const path& file) {
  std::vector<std::string> lines;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::optional<unsigned> quotaOfCores(const path& root) {
  std::optional<double> least;
  const auto groups = linesOf(root / "proc/self/cgroup");
  for (const std::string& mountLine : linesOf(root / "proc/self/mountinfo")) {
    const auto hierarchy = hierarchyFrom(mountLine);
    if (!hierarchy) continue;
    for (const std::string& groupLine : groups) {
      const auto group = groupFrom(groupLine, hierarchy->isUnified);
      if (!group) continue;
      // A container may see another root than the one that the group's path begins at: its own group is what is mounted then.
      path below = group->lexically_relative(hierarchy->mountedGroup);
      if (below.empty() || *below.begin() == "..") below = ".";
      const path mount = root / hierarchy->mount.relative_path();
      for (;; below = below.parent_path()) {
        if (const auto quota = quotaOf(mount / below, hierarchy->isUnified)) least = std::min(*quota, least.value_or(*quota));
        if (below.empty() || below == ".") break;
      }
    }
  }
  if (!least) return std::nullopt;
  return static_cast<unsigned>(std::min(std::ceil(*least), static_cast<double>(std::numeric_limits<unsigned>::max())));
}

unsigned availableCores() {
  unsigned cores = std::max(1U, std::thread::hardware_concurrency());
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cores = static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
  cores = std::min(cores, quotaOfCores().value_or(cores));
#endif
  return cores;
}

}  // namespace latino
