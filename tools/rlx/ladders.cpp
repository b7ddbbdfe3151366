// SPDX-License-Identifier: Apache-2.0
#include "ladders.h"

#include <cstdio>

#include "command.h"

namespace rlx_tool {
namespace {

rlx::Result<rlx::Ladder> parse_ladder(const std::string& symbol, const std::string& text) {
  const std::string what = "--buckets " + symbol;
  if (const std::size_t dots = text.find(".."); dots != std::string::npos) {
    const auto least = parse_integer(what, text.substr(0, dots)), greatest = parse_integer(what, text.substr(dots + 2));
    if (!least) return least.error();
    if (!greatest) return greatest.error();
    if (*least > *greatest)
      return rlx::Error(rlx::ErrorCode::kUsage, what + " `" + text + "`: from " + std::to_string(*least) + " down to " + std::to_string(*greatest) + ", wanted the lesser extent first");
    return rlx::Ladder::powers_of_two(symbol, *least, *greatest);
  }
  rlx::Ladder ladder{symbol, {}};
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const auto extent = parse_integer(what, text.substr(begin, end - begin));
    if (!extent) return extent.error();
    ladder.extents.push_back(*extent);
    begin = end + 1;
  }
  return ladder;
}

}  // namespace

rlx::Result<std::vector<rlx::Ladder>> parse_ladders(const std::vector<std::string>& texts) {
  std::vector<rlx::Ladder> ladders;
  for (const std::string& text : texts) {
    const auto pair = split_assignment("--buckets", text);
    if (!pair) return pair.error();
    auto ladder = parse_ladder(pair->first, pair->second);
    if (!ladder) return ladder.error();
    ladders.push_back(*std::move(ladder));
  }
  return ladders;
}

std::string describe(const rlx::BucketCounters& counters) {
  std::string text = std::to_string(counters.runs) + " runs";
  for (const auto& [bucket, runs] : counters.by_bucket) text += ", " + std::to_string(runs) + " in " + bucket;
  if (counters.exact) text += ", " + std::to_string(counters.exact) + " at their own shape";
  const double given = static_cast<double>(counters.input_elements), added = static_cast<double>(counters.padded_elements);
  char share[64];
  std::snprintf(share, sizeof share, "; %.1f %% of what ran was padding", given + added > 0 ? 100 * added / (given + added) : 0.0);
  text += share;
  if (counters.compiled_behind || counters.failed_behind) text += "; " + std::to_string(counters.compiled_behind) + " compiled behind";
  if (counters.failed_behind) text += ", " + std::to_string(counters.failed_behind) + " failed";
  return text;
}

nlohmann::json to_json(const rlx::BucketCounters& counters) {
  return {{"runs", counters.runs}, {"exact", counters.exact}, {"larger", counters.larger}, {"by_bucket", counters.by_bucket},
          {"input_elements", counters.input_elements}, {"padded_elements", counters.padded_elements},
          {"compiled_behind", counters.compiled_behind}, {"failed_behind", counters.failed_behind}};
}

}  // namespace rlx_tool
