// SPDX-License-Identifier: Apache-2.0
// CAP-05: what a device answers EXPAND for is inlined and asked again, as the core does, until the whole can run.
#include <rlx/compile.h>
#include <rlx/ops.h>

#include <cstring>

#include "runtime/ir/lir/image.h"
#include "tools/conform/numeric/graph_maker.h"
#include "tools/conform/numeric/groups.h"
#include "tools/conform/numeric/image_builder.h"
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

/// A row of the core's has the op, and nothing of it lies in a way that a row may refuse.
bool has_row(const lir::Module& module, const lir::Op& op, const Facts& facts) {
  if (!op.ns.empty()) return false;
  std::uint64_t dtypes = 0;
  std::size_t rank = 0;
  for (const auto* values : {&op.operands, &op.results})
    for (const std::uint32_t id : *values) {
      if (id == RLX_NO_INDEX) continue;
      const lir::Value& value = module.values[id];
      if (value.storage == lir::Storage::kView || value.strides) return false;
      dtypes |= std::uint64_t{1} << static_cast<unsigned>(value.dtype);
      rank = std::max(rank, value.dims.size());
    }
  const auto fn = op.attributes.find(RLX_ATTR_FN);
  const Dim* number = fn == op.attributes.end() ? nullptr : std::get_if<Dim>(&fn->second);
  for (const Claim& row : facts.claims) {
    const bool function = !number || !number->is_number() || (row.functions >> number->number() & 1);
    if (row.opcode == op.opcode && function && (row.dtypes & dtypes) == dtypes && rank <= row.max_rank && row.version_min <= 1 && row.version_max >= 1) return true;
  }
  return false;
}

std::vector<std::string> expand_cases(const Facts& facts, int effort) {
  std::vector<std::string> keys;
  if (!facts.claim(RLX_OP_BINARY) && !facts.claim(RLX_OP_UNARY)) return keys;
  for (const char* slice : {"encoder", "decoder", "vision"})
    for (int i = 0; i < (effort ? 6 : 1); ++i) keys.push_back(std::string(slice) + "/" + std::to_string(i));
  for (int i = 0; i < (effort == 0 ? 12 : effort == 1 ? 60 : 600); ++i) keys.push_back("random/" + std::to_string(i));
  return keys;
}

Result<NumericCase> make_expand(const std::string& key, std::uint64_t seed, const Facts& facts) {
  const std::string kind = key.substr(0, key.find('/'));
  RLX_ASSIGN(RandomGraph graph, kind == "random" ? random_graph(facts, 8, false, seed) : model_slice(kind, seed));
  graph.module.plan = random_plan(graph.module, PlanStyle::kTight, mix(seed));
  RLX_ASSIGN(NumericCase made, case_of_graph(graph, false));
  made.compare.loose_is_fine = true;
  return made;
}

constexpr NumericCheck kChecks[] = {
    {"CAP-05", 3, "What is answered EXPAND for can be run as its region: whole models, inlined and asked again as the core does, are right.", 200, expand_cases, make_expand, true},
};

}  // namespace

Result<Inlined> inline_expanded(const std::string& image, std::span<const std::uint32_t> verdicts, const Facts& facts) {
  std::vector<std::uint64_t> words((image.size() + 7) / 8);
  std::memcpy(words.data(), image.data(), image.size());
  RLX_ASSIGN(lir::Module module, lir::read_image({reinterpret_cast<const std::byte*>(words.data()), image.size()}));
  const std::uint32_t count = module.regions[0].op_count;
  if (verdicts.size() < module.ops.size()) return fail(ErrorCode::kInvalidArgument, verdicts.size(), " verdicts for ", module.ops.size(), " ops");
  Inlined out;
  std::vector<bool> chosen(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    chosen[i] = verdicts[i] == RLX_VERDICT_EXPAND;
    out.changed = out.changed || chosen[i];
    if (verdicts[i] != RLX_VERDICT_UNSUPPORTED || out.claimed) continue;
    out.refused = "op " + std::to_string(i) + ", opcode " + std::to_string(module.ops[i].opcode);
    out.claimed = has_row(module, module.ops[i], facts);
  }
  if (!out.changed) return out;
  if (!inline_chosen(module, chosen)) return fail(ErrorCode::kInvalidArgument, "what was answered EXPAND for cannot be inlined");
  module.plan = random_plan(module, PlanStyle::kTight, 1);
  RLX_ASSIGN(const lir::Image made, lir::write_image(module));
  out.image = bytes_of(made);
  return out;
}

std::span<const NumericCheck> cap_expand_checks() { return kChecks; }

}  // namespace rlx::conform
