// SPDX-License-Identifier: Apache-2.0
// Opcodes, functions, activations and attribute keys by number and by name, out of the generated table.
#include "runtime/ir/op.h"

namespace rlx {
namespace {

enum class Group : std::uint8_t { none, unary, binary, compare, reduce, act };

struct OpRow {
  OpInfo info;
  Group group;
};
struct FnRow {
  Group group;
  std::int64_t number;
  std::string_view name;
};
struct AttrRow {
  std::uint32_t key;
  std::string_view name;
};

#define RLX_OP(number, name, version, composite, mir_only, group) \
  {{number, #name, version, composite, mir_only}, Group::group},
#define RLX_FN(group, number, name)
#define RLX_ATTR(key, name)
constexpr OpRow kOps[] = {
#include "runtime/ir/op_table.inc"
};
#undef RLX_OP
#undef RLX_FN
#define RLX_OP(number, name, version, composite, mir_only, group)
#define RLX_FN(group, number, name) {Group::group, number, #name},
constexpr FnRow kFns[] = {
#include "runtime/ir/op_table.inc"
};
#undef RLX_FN
#undef RLX_ATTR
#define RLX_FN(group, number, name)
#define RLX_ATTR(key, name) {key, #name},
constexpr AttrRow kAttrs[] = {
#include "runtime/ir/op_table.inc"
};
#undef RLX_OP
#undef RLX_FN
#undef RLX_ATTR

const OpRow* op_row(Opcode op) {
  for (const OpRow& row : kOps)
    if (row.info.op == op) return &row;
  return nullptr;
}

std::string_view name_in(Group group, std::int64_t number) {
  for (const FnRow& row : kFns)
    if (row.group == group && row.number == number) return row.name;
  return {};
}

std::int64_t number_in(Group group, std::string_view name, std::int64_t otherwise) {
  for (const FnRow& row : kFns)
    if (row.group == group && row.name == name) return row.number;
  return otherwise;
}

}  // namespace

const OpInfo* op_info(Opcode op) {
  const OpRow* row = op_row(op);
  return row ? &row->info : nullptr;
}

const OpInfo* op_by_name(std::string_view name) {
  for (const OpRow& row : kOps)
    if (row.info.name == name) return &row.info;
  return nullptr;
}

std::string_view op_name(Opcode op) {
  const OpInfo* info = op_info(op);
  return info ? info->name : std::string_view{};
}

std::string_view fn_name(Opcode op, std::int64_t fn) {
  const OpRow* row = op_row(op);
  return row && row->group != Group::none ? name_in(row->group, fn) : std::string_view{};
}

std::int64_t fn_by_name(Opcode op, std::string_view name) {
  const OpRow* row = op_row(op);
  return row && row->group != Group::none ? number_in(row->group, name, 0) : 0;
}

std::string_view act_name(std::int64_t act) { return name_in(Group::act, act); }
std::int64_t act_by_name(std::string_view name) { return number_in(Group::act, name, -1); }

std::string_view attr_name(std::uint32_t key) {
  for (const AttrRow& row : kAttrs)
    if (row.key == key) return row.name;
  return {};
}

std::uint32_t attr_by_name(std::string_view name) {
  for (const AttrRow& row : kAttrs)
    if (row.name == name) return row.key;
  return 0;
}

}  // namespace rlx
