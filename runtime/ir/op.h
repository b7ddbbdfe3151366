// SPDX-License-Identifier: Apache-2.0
// Opcodes by number and by name. The numbers are the contract's (rlx/ops.h).
#pragma once

#include <rlx/ops.h>

#include <cstdint>
#include <string_view>

namespace rlx {

using Opcode = std::uint32_t;

/// What the core knows of an op without looking at a node.
struct OpInfo {
  Opcode op;
  std::string_view name;  ///< "layer_norm"
  std::uint32_t version;  ///< newest that this runtime writes
  bool composite;         ///< carries its expansion as a region
  bool mir_only;          ///< never in an image: becomes a view or a number
};

/// Null where no op has that number or name.
const OpInfo* op_info(Opcode op);
const OpInfo* op_by_name(std::string_view name);
/// "binary"; "op 4711" style text is the caller's affair: empty for unknown numbers.
std::string_view op_name(Opcode op);

/// Names of FN values and attribute keys, for text forms and messages; empty / 0 where there is none.
std::string_view fn_name(Opcode op, std::int64_t fn);
std::int64_t fn_by_name(Opcode op, std::string_view name);
std::string_view act_name(std::int64_t act);
std::int64_t act_by_name(std::string_view name);  ///< -1 where there is none
std::string_view attr_name(std::uint32_t key);
std::uint32_t attr_by_name(std::string_view name);

}  // namespace rlx
