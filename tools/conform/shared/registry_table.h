// SPDX-License-Identifier: Apache-2.0
// The contract's structs that grow, their fields, and the slots of plugins, as the registry says: what the ABI
// checks sweep.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace rlx::conform {

struct StructRow {
  std::string_view name;  ///< "rlx_open_in"
  bool out;
  std::uint32_t size;
  std::uint32_t first_size;
};

struct FieldRow {
  std::string_view owner;  ///< the struct
  std::string_view name;
  std::uint32_t offset;
  std::uint32_t size;
  std::string_view may_be_null;  ///< of a pointer: "always", "never", "when …"; empty for others
};

struct SlotRow {
  std::string_view interface;  ///< "rlx.plugin/1"
  std::string_view name;
  std::uint32_t offset;  ///< in the table
  bool required;
  bool fallible;           ///< returns a status
  std::string_view in;     ///< struct, or "none"
  std::string_view out;    ///< struct, or "none"
  std::uint32_t statuses;  ///< bit per RLX_STATUS_* that it may answer besides OK
};

std::span<const StructRow> struct_rows();
std::span<const FieldRow> field_rows();
std::span<const SlotRow> slot_rows();
/// Null where there is none.
const StructRow* struct_row(std::string_view name);

/// "RLX_STATUS_OK" as "OK"; "status 77" for what is no number of the registry.
const char* status_name(std::int32_t status);

}  // namespace rlx::conform
