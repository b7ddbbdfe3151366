// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/budget.h"

#include <algorithm>

namespace rlx::conform {

std::chrono::seconds time_limit(const Options& options) {
  if (options.time_limit_s) return std::chrono::seconds(*options.time_limit_s);
  if (!options.wrap.empty() || !options.worker.empty()) return std::chrono::seconds(0);
  const std::uint64_t minutes = options.profile == "quick" ? 10 : options.profile == "ci" ? 60 : 360;
  const std::uint64_t usual_ms = Options().timeout_ms;
  return std::chrono::seconds(minutes * 60 * options.seeds().size() * std::max(options.timeout_ms, usual_ms) / usual_ms);
}

void Budget::take(const Outcome& outcome) { hangs_ += outcome.status == CaseStatus::kHang; }

std::string Budget::spent() const {
  if (hangs_ >= kHangsMost) return "after " + std::to_string(kHangsMost) + " hangs";
  if (limit_.count() && std::chrono::steady_clock::now() - begin_ >= limit_) return "the time of " + std::to_string(limit_.count()) + " s is over (--time-limit)";
  return {};
}

}  // namespace rlx::conform
