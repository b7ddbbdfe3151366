// SPDX-License-Identifier: Apache-2.0
// Parts of JSON documents that several subcommands print. Every document names its schema; docs/cli.md lists them.
#pragma once

#include <rlx/host/report.hpp>

#include <nlohmann/json.hpp>

namespace rlx_tool {

/// To stdout, indented, with a newline; bytes that are no UTF-8 are replaced.
void print_json(const nlohmann::json& document);

nlohmann::json to_json(const rlx::BindingManifest& manifest);
nlohmann::json to_json(const rlx::DispatchReport& report);
nlohmann::json to_json(const rlx::MemoryEstimate& memory);
nlohmann::json to_json(const rlx::MemoryReport& memory);
nlohmann::json to_json(const rlx::CacheCounters& counters);
nlohmann::json to_json(const rlx::PlanReport& plan);
nlohmann::json to_json(const std::vector<rlx::OpUse>& uses);
/// {"code": "RLX-E0502", "message": …}
nlohmann::json to_json(const rlx::Error& error);

}  // namespace rlx_tool
