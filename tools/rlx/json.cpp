// SPDX-License-Identifier: Apache-2.0
// Reports as JSON.
#include "json.h"

#include <cstdint>
#include <cstdio>

namespace rlx_tool {
namespace {

using nlohmann::json;

json sizes_json(const rlx::Sizes& sizes) {
  json list = json::array();
  for (const rlx::Size& size : sizes) size.expression().empty() ? list.push_back(size.number()) : list.push_back(size.expression());
  return list;
}

json entries_json(const std::vector<rlx::ManifestEntry>& entries) {
  json list = json::array();
  for (const rlx::ManifestEntry& entry : entries)
    list.push_back({{"name", entry.name}, {"dtype", rlx::dtype_name(entry.dtype)}, {"dims", sizes_json(entry.dims)}, {"bytes", entry.bytes}});
  return list;
}

}  // namespace

void print_json(const json& document) {
  std::printf("%s\n", document.dump(2, ' ', false, json::error_handler_t::replace).c_str());
}

json to_json(const rlx::BindingManifest& manifest) {
  json symbols = json::array();
  for (const auto& symbol : manifest.symbols)
    symbols.push_back({{"name", symbol.name}, {"least", symbol.least}, {"greatest", symbol.greatest == INT64_MAX ? json() : json(symbol.greatest)}});
  json length;
  if (manifest.length)
    length = {{"name", manifest.length->name}, {"step", sizes_json({manifest.length->step})[0]}, {"capacity", sizes_json({manifest.length->capacity})[0]}};
  return {{"states", entries_json(manifest.states)}, {"length", length}, {"inputs", entries_json(manifest.inputs)}, {"params", entries_json(manifest.params)}, {"outputs", entries_json(manifest.outputs)},
          {"symbols", symbols}, {"constraints", manifest.constraints}};
}

json to_json(const rlx::DispatchReport& report) {
  return {{"native", report.native}, {"expanded", report.expanded}, {"copies", report.copies}, {"notes", report.notes}};
}

json to_json(const rlx::MemoryEstimate& memory) {
  return {{"weight_bytes", memory.weight_bytes}, {"packed_bytes", memory.packed_bytes ? json(*memory.packed_bytes) : json()},
          {"arena_bytes", memory.arena_bytes}, {"input_bytes", memory.input_bytes}, {"output_bytes", memory.output_bytes},
          {"code_bytes", memory.code_bytes}, {"peak_bytes", memory.peak_bytes()}};
}

json to_json(const rlx::MemoryReport& memory) {
  json items = json::array();
  for (const rlx::MemoryItem& item : memory.items)
    items.push_back({{"what", item.what}, {"source_bytes", item.source_bytes}, {"packed_bytes", item.packed_bytes}, {"arena_bytes", item.arena_bytes},
                     {"idle_arena_bytes", item.idle_arena_bytes}, {"state_bytes", item.state_bytes}});
  return {{"source_bytes", memory.source_bytes}, {"packed_bytes", memory.packed_bytes}, {"arena_bytes", memory.arena_bytes},
          {"idle_arena_bytes", memory.idle_arena_bytes}, {"state_bytes", memory.state_bytes}, {"budget_bytes", memory.budget_bytes}, {"bytes", memory.bytes()}, {"items", items}};
}

json to_json(const rlx::CacheCounters& counters) {
  return {{"hits", counters.hits}, {"misses", counters.misses}, {"miss_reasons", counters.miss_reasons}, {"evictions", counters.evictions},
          {"compiles", counters.compiles}, {"failures", counters.failures}, {"shared", counters.shared}, {"compile_us", counters.compile_us},
          {"resident_bytes", counters.resident_bytes}};
}

json to_json(const rlx::PlanReport& plan) {
  json values = json::array();
  for (const rlx::PlanValue& value : plan.values)
    values.push_back({{"name", value.name}, {"op", value.op}, {"dtype", rlx::dtype_name(value.dtype)}, {"dims", value.dims}, {"bytes", value.bytes},
                      {"offset", value.offset}, {"first_step", value.first_step}, {"last_step", value.last_step}});
  return {{"arena_bytes", plan.arena_bytes}, {"busiest_bytes", plan.busiest_bytes}, {"busiest_step", plan.busiest_step}, {"steps", plan.steps}, {"values", values}};
}

json to_json(const std::vector<rlx::OpUse>& uses) {
  json counts = json::object();
  for (const rlx::OpUse& use : uses) counts[use.op] = use.count;
  return counts;
}

json to_json(const rlx::Error& error) { return {{"code", rlx::code_text(error.code())}, {"message", error.message()}}; }

}  // namespace rlx_tool
