// SPDX-License-Identifier: Apache-2.0
// The contract's structs, their fields, the slots of plugins, ops and numbers, as the registry says: what the ABI checks
// sweep, and what the tool's own tests hold its checks against, so that nothing is added to the contract unchecked.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace rlx::conform {

enum class StructKind : std::uint8_t { kIn, kOut, kRow, kRecord, kFrozen, kTable };

struct StructRow {
  std::string_view name;  ///< "rlx_open_in"
  StructKind kind;
  std::uint32_t size;
  std::uint32_t first_size;  ///< of kIn and kOut; else the size

  bool out() const { return kind == StructKind::kOut; }
  bool grows() const { return kind == StructKind::kIn || kind == StructKind::kOut; }
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

struct DtypeRow {
  std::string_view name;
  std::uint32_t number;
  bool defined;  ///< else reserved
};

struct ConstantRow {
  std::string_view name;  ///< "RLX_DEVICE_FLAG_FTZ"
  std::uint64_t number;
};

/// One number of a set: the functions of an op, or the values of an attribute.
struct NumberRow {
  std::string_view set, name;
  std::uint32_t number;
};

struct AttributeRow {
  std::string_view name;
  std::uint32_t number;
  std::string_view set;  ///< that its values are of, or "none"
};

struct OpRow {
  std::string_view name;
  std::uint32_t number;
  bool defined;   ///< else reserved
  bool in_image;  ///< else gone before there is an image
  std::string_view functions;  ///< set, or "none"
};

struct OpAttributeRow {
  std::string_view op, attribute;
};

std::span<const StructRow> struct_rows();
std::span<const FieldRow> field_rows();
std::span<const SlotRow> slot_rows();
std::span<const DtypeRow> dtype_rows();
std::span<const ConstantRow> constant_rows();
std::span<const NumberRow> number_rows();
std::span<const AttributeRow> attribute_rows();
std::span<const OpRow> op_rows();
std::span<const OpAttributeRow> op_attribute_rows();
/// Null where there is none.
const StructRow* struct_row(std::string_view name);

/// "RLX_STATUS_OK" as "OK"; "status 77" for what is no number of the registry.
const char* status_name(std::int32_t status);

}  // namespace rlx::conform
