// SPDX-License-Identifier: Apache-2.0
// Files of waivers: any bytes; what is accepted keeps the rules.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tools/conform/controller/waivers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::int64_t today = rlx::conform::day_of("2026-06-01");
  const auto file = rlx::conform::parse_waivers(std::string(reinterpret_cast<const char*>(data), size), today);
  for (const rlx::conform::Waiver& waiver : file.waivers) {
    if (waiver.id.empty() || waiver.reason.empty() || waiver.owner.empty() || waiver.expires > today + rlx::conform::kWaiverDaysMost) std::abort();
    static_cast<void>(rlx::conform::in_versions(waiver.versions, "1.2.3-rc1"));
  }
  return 0;
}
