// SPDX-License-Identifier: Apache-2.0
// The two ends of a case that runs elsewhere.
#pragma once

#include <string>
#include <vector>

namespace rlx::conform {

inline constexpr int kCarryFailed = 2;

/// In the worker's place: starts `command`, which leads to the other end, sends it the case and tells what happens there on
/// the worker's descriptors. Ends as the worker ended. `plugin`: its path there; empty = it is sent.
int carry_here(const std::vector<std::string>& command, const std::string& plugin);

/// There: makes the folders again, runs `worker`, sends back what it reports, prints and writes. Leaves nothing behind; ends
/// the worker where the other end goes away.
int carry_there(const std::string& worker);

}  // namespace rlx::conform
