// SPDX-License-Identifier: Apache-2.0
// The process above a worker: it takes over whatever the plugin starts and leaves, under whatever session or group, ends it
// and names it; and it ends a worker that takes more memory than its share.
#pragma once

#include <cstdint>

namespace rlx::conform {

/// Returns in a child, which is the worker from here on and dies with this process. This process stays behind: it passes
/// SIGTERM on, and ends as the worker ends once no process is left below it. What was left by a worker that ended well is a
/// failure of the case. Units: `memory_most`, bytes resident in the worker; 0 is no limit.
/// Lifetime: to be called before there are threads.
void supervise(std::uint64_t memory_most);

}  // namespace rlx::conform
