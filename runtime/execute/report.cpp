// SPDX-License-Identifier: Apache-2.0
// Answers that need the device but run nothing: memory at one binding, inputs that nobody reads.
#include <rlx/host/report.hpp>

#include <algorithm>
#include <set>

#include "runtime/base/check.h"
#include "runtime/base/names.h"
#include "runtime/execute/entry.h"
#include "runtime/execute/template_body.h"

namespace rlx {
namespace {

/// What the weights' own forms would take: packed for `executable`, asked, released.
Result<std::optional<std::uint64_t>> packed_bytes(TemplateBody& from, const ExecutableHandle& executable) {
  if (!from.params->unset().empty()) return std::optional<std::uint64_t>();
  RLX_ASSIGN(const ParamStore::Acquired acquired, from.params->acquire());
  const std::shared_ptr<const SealedSet>& set = acquired.set;
  RLX_ASSIGN(const std::vector<std::uint32_t> missing, set->handle.prepare(executable));
  const Result<ParamUsage> usage = set->handle.usage();
  set->handle.release(executable);
  if (!usage) return usage.error();
  if (!missing.empty()) return fail(ErrorCode::kPluginFault, "the backend misses param ", missing[0], " of a complete set");
  return std::optional(usage->packed_bytes);
}

std::uint64_t sum_bytes(const std::vector<ManifestEntry>& entries) {
  std::uint64_t sum = 0;
  for (const ManifestEntry& entry : entries) sum += entry.bytes;
  return sum;
}

}  // namespace

std::uint64_t MemoryEstimate::peak_bytes() const {
  return weight_bytes + packed_bytes.value_or(0) + arena_bytes + input_bytes + output_bytes + code_bytes;
}

Result<MemoryEstimate> estimate_memory(const Template& from, const Specialized& specialized, bool pack) {
  return entry([&]() -> Result<MemoryEstimate> {
    if (!from.body() || specialized.template_hash != from.hash())
      return fail(ErrorCode::kInvalidArgument, "the specialized image is not of this template");
    TemplateBody& body = *from.body();
    MemoryEstimate estimate;
    estimate.weight_bytes = sum_bytes(specialized.manifest.params);
    for (const Param& param : body.graph->params)
      if (param.owned) estimate.weight_bytes += param.owned->size();
    estimate.input_bytes = sum_bytes(specialized.manifest.inputs);
    estimate.output_bytes = sum_bytes(specialized.manifest.outputs);
    CompileRequest request;
    request.image = specialized.image;
    request.options = body.options.backend;
    request.thread_limit = body.options.thread_limit;
    RLX_ASSIGN(const ExecutableHandle executable, body.device->handle().compile(request));
    RLX_ASSIGN(const ExecutableInfo info, executable.info());
    for (const ArenaNeed& need : info.arenas) estimate.arena_bytes += need.bytes;
    estimate.code_bytes = info.code_bytes;
    if (pack) {
      RLX_ASSIGN(estimate.packed_bytes, packed_bytes(body, executable));
    }
    return estimate;
  });
}

std::vector<std::string> unread_inputs(const Template& from) {
  if (!from.body()) return {};
  const Graph& graph = *from.body()->graph;
  std::set<ValueId> read;
  for (const Node& node : graph.nodes) read.insert(node.operands.begin(), node.operands.end());
  for (const Output& output : graph.outputs) read.insert(output.value);
  std::vector<std::string> names;
  for (const ValueId id : graph.inputs)
    if (!read.contains(id)) names.push_back(graph.values[id].name);
  return names;
}

std::string did_you_mean_text(std::string_view wrong, std::span<const std::string> known) { return did_you_mean(wrong, known, 16); }

}  // namespace rlx
