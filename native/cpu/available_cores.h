// How many cores the process may use.
#pragma once

#include <filesystem>
#include <optional>

namespace latino {

/// Those of the machine, less what taskset or a container withholds: an affinity mask, or a quota of processor time. At least 1.
unsigned availableCores();

/// The cores, rounded up, that the quotas of the process's control group and of those above it come to (versions 1 and 2); nothing where
/// there is none. The files of Linux are looked for below `root`.
std::optional<unsigned> quotaOfCores(const std::filesystem::path& root = "/");

}  // namespace latino
