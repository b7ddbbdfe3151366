// SPDX-License-Identifier: Apache-2.0
// --buckets: ladders from text, and what a run in buckets says of itself.
#pragma once

#include <rlx/host/buckets.hpp>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace rlx_tool {

/// "seq=16,32,64": these extents; "seq=16..512": powers of two up to the second number. Errors: kUsage.
rlx::Result<std::vector<rlx::Ladder>> parse_ladders(const std::vector<std::string>& texts);

/// One line: runs by bucket, padding.
std::string describe(const rlx::BucketCounters& counters);
nlohmann::json to_json(const rlx::BucketCounters& counters);

}  // namespace rlx_tool
