// What becomes of a program that breaks a rule, and what a test may have go wrong.
#pragma once

#include <cstdint>
#include <string>

namespace latino::emulation {

/// Exit status of a program that breaks a rule of the emulated device.
inline constexpr int kBroken = 86;

/// Says what was done and ends the process.
[[noreturn]] void broken(const std::string& what);

/// What can be made to fail.
enum class Call { allocation, launch, copy, execution };

/// The nth of these calls from now on fails, 1 being the next, and no other: an allocation for want of memory, a launch for want of
/// resources, a copy as an invalid one. An execution is a kernel that touches what it must not: the error comes late, and the device is
/// lost.
void failNth(Call call, std::uint64_t n);
/// Counts a call down: whether it is the one to fail.
bool failsNow(Call call);

}  // namespace latino::emulation
