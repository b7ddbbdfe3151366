// SPDX-License-Identifier: Apache-2.0
// CAP-07: claim rows beside what is answered, for every op. Nothing is run: the device is asked of every standing case, of
// those that no row covers whether it calls one NATIVE all the same, and of those of a row whether it calls any so.
#include <rlx/compile.h>

#include <algorithm>

#include "tools/conform/numeric/groups.h"
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

constexpr int kEffort = 1;  // larger ones differ in size alone

std::vector<const OpCase*> cases_of(Opcode op) {
  std::vector<const OpCase*> out;
  for (const OpCase& op_case : all_op_cases())
    if (op_case.op == op && op_case.effort <= kEffort) out.push_back(&op_case);
  return out;
}

Facts only(const Claim& row) {
  Facts facts;
  facts.claims = {row};
  return facts;
}

std::string row_key(std::size_t index, const Claim& row) { return "row" + std::to_string(index) + "/" + std::string(op_name(row.opcode)); }

std::vector<std::string> row_cases(const Facts& facts, int) {
  std::vector<std::string> keys;
  std::vector<Opcode> ops;
  for (const OpCase& op_case : all_op_cases())
    if (ops.empty() || ops.back() != op_case.op) ops.push_back(op_case.op);
  std::sort(ops.begin(), ops.end());
  ops.erase(std::unique(ops.begin(), ops.end()), ops.end());
  for (const Opcode op : ops) {
    const auto cases = cases_of(op);
    if (std::any_of(cases.begin(), cases.end(), [&](const OpCase* c) { return !covers(facts, *c); })) keys.push_back("outside/" + std::string(op_name(op)));
  }
  for (std::size_t i = 0; i < facts.claims.size(); ++i) {
    const Facts row = only(facts.claims[i]);
    const auto cases = cases_of(facts.claims[i].opcode);
    if (std::any_of(cases.begin(), cases.end(), [&](const OpCase* c) { return covers(row, *c); })) keys.push_back(row_key(i, facts.claims[i]));
  }
  return keys;
}

Status add_asked(const OpCase& op_case, NumericCase& made) {
  ImageBuilder builder;
  const std::vector<std::uint32_t> operands = add_operands(builder, op_case);
  RLX_TRY(append_op(builder, op_case, operands));
  RLX_ASSIGN(const lir::Image image, builder.image());
  made.asked.push_back({op_case.name, bytes_of(image)});
  return {};
}

Result<NumericCase> make_row(const std::string& key, std::uint64_t, const Facts& facts) {
  NumericCase made;
  const std::string name = key.substr(key.find('/') + 1);
  const OpInfo* info = op_by_name(name);
  if (!info) return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
  Facts rows = facts;
  for (std::size_t i = 0; i < facts.claims.size(); ++i)
    if (key == row_key(i, facts.claims[i])) {
      rows = only(facts.claims[i]);
      made.claimed = true;
    }
  for (const OpCase* op_case : cases_of(info->op))
    if (covers(rows, *op_case) == made.claimed) RLX_TRY(add_asked(*op_case, made));
  if (made.asked.empty()) return fail(ErrorCode::kInvalidArgument, "no case `", key, "` with these claims");
  return made;
}

constexpr NumericCheck kChecks[] = {
    {"CAP-07", 3, "Of every op only what a claim row has is NATIVE; a row of which nothing is NATIVE is named.", 1, row_cases, make_row},
};

}  // namespace

std::vector<std::string> native_outside(const NumericCase& made, std::span<const std::uint32_t> verdicts) {
  std::vector<std::string> out;
  for (std::size_t i = 0; !made.claimed && i < made.asked.size() && i < verdicts.size(); ++i)
    if (verdicts[i] == RLX_VERDICT_NATIVE) out.push_back(made.asked[i].name);
  return out;
}

bool is_empty_row(const NumericCase& made, std::span<const std::uint32_t> verdicts) {
  return made.claimed && std::find(verdicts.begin(), verdicts.end(), RLX_VERDICT_NATIVE) == verdicts.end();
}

std::span<const NumericCheck> cap_row_checks() { return kChecks; }

}  // namespace rlx::conform
