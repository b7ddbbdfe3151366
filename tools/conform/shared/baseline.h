// SPDX-License-Identifier: Apache-2.0
// What controller and worker agree on about --baseline.
#pragma once

namespace rlx::conform {

/// In the run's folder; one line: the path of the earlier build.
inline constexpr char kBaselineFile[] = "baseline";
inline constexpr char kBaselineCheck[] = "PRF-04";
/// The phase of the one expectation that is about time: who fails there and nowhere else is slower, and no more.
inline constexpr char kBaselinePhase[] = "compare with the baseline";

}  // namespace rlx::conform
