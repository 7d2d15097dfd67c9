// Where every instruction is emulated, or watched for races, tests take ten to fifty times as long.
#pragma once

namespace latino {

/// Whether this is such a run: cases that differ from others in size or in the number of iterations alone are left to the other runs.
#ifdef LATINO_SLOW_RUN
constexpr bool kSlowRun = true;
#else
constexpr bool kSlowRun = false;
#endif

/// In a slow run, the largest weight of the data in a proximal point: conjugate gradients need the more iterations the larger it is.
constexpr double kSlowGamma = 1e2;

}  // namespace latino
