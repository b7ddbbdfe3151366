// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/shared/registry_table.h"

#include <rlx/types.h>

namespace rlx::conform {
namespace {

// Each list takes the rows of its own macro; the others are empty meanwhile.
#define RLX_STRUCT(...)
#define RLX_STRUCT_FIELD(...)
#define RLX_SLOT(...)
#define RLX_DTYPE_ROW(...)
#define RLX_NUMBER_ROW(...)
#define RLX_CONSTANT_ROW(...)
#define RLX_ATTRIBUTE_ROW(...)
#define RLX_OP_ROW(...)
#define RLX_OP_ATTRIBUTE(...)

#undef RLX_STRUCT
#define RLX_STRUCT(name, kind, size, first) {#name, StructKind::kind, size, first},
constexpr StructRow kStructs[] = {
#include "tools/conform/shared/registry_table.inc"
};
#undef RLX_STRUCT
#define RLX_STRUCT(...)

#undef RLX_STRUCT_FIELD
#define RLX_STRUCT_FIELD(owner, name, offset, size, null) {#owner, #name, offset, size, null},
constexpr FieldRow kFields[] = {
#include "tools/conform/shared/registry_table.inc"
};
#undef RLX_STRUCT_FIELD
#define RLX_STRUCT_FIELD(...)

#undef RLX_SLOT
#define RLX_SLOT(interface, name, offset, required, fallible, in, out, statuses) {interface, #name, offset, required, fallible, in, out, statuses},
constexpr SlotRow kSlots[] = {
#include "tools/conform/shared/registry_table.inc"
};
#undef RLX_SLOT
#define RLX_SLOT(...)

#undef RLX_DTYPE_ROW
#define RLX_DTYPE_ROW(name, number, defined) {#name, number, defined},
constexpr DtypeRow kDtypes[] = {
#include "tools/conform/shared/registry_table.inc"
};
#undef RLX_DTYPE_ROW
#define RLX_DTYPE_ROW(...)

#undef RLX_NUMBER_ROW
#define RLX_NUMBER_ROW(set, name, number) {#set, #name, number},
constexpr NumberRow kNumbers[] = {
#include "tools/conform/shared/registry_table.inc"
};
#undef RLX_NUMBER_ROW
#define RLX_NUMBER_ROW(...)

#undef RLX_CONSTANT_ROW
#define RLX_CONSTANT_ROW(name, number) {#name, number},
constexpr ConstantRow kConstants[] = {
#include "tools/conform/shared/registry_table.inc"
};
#undef RLX_CONSTANT_ROW
#define RLX_CONSTANT_ROW(...)

#undef RLX_ATTRIBUTE_ROW
#define RLX_ATTRIBUTE_ROW(name, number, set) {#name, number, #set},
constexpr AttributeRow kAttributes[] = {
#include "tools/conform/shared/registry_table.inc"
};
#undef RLX_ATTRIBUTE_ROW
#define RLX_ATTRIBUTE_ROW(...)

#undef RLX_OP_ROW
#define RLX_OP_ROW(name, number, defined, in_image, functions) {#name, number, defined, in_image, #functions},
constexpr OpRow kOps[] = {
#include "tools/conform/shared/registry_table.inc"
};
#undef RLX_OP_ROW
#define RLX_OP_ROW(...)

#undef RLX_OP_ATTRIBUTE
#define RLX_OP_ATTRIBUTE(op, attribute) {#op, #attribute},
constexpr OpAttributeRow kOpAttributes[] = {
#include "tools/conform/shared/registry_table.inc"
};
#undef RLX_OP_ATTRIBUTE
#define RLX_OP_ATTRIBUTE(...)

constexpr const char* kStatuses[] = {"OK",
                                     "INVALID_ARGUMENT",
                                     "FAILED_PRECONDITION",
                                     "NOT_FOUND",
                                     "UNSUPPORTED",
                                     "VERSION",
                                     "UNKNOWN_FIELD",
                                     "INVALID_IMAGE",
                                     "OUT_OF_MEMORY",
                                     "RESOURCE_EXHAUSTED",
                                     "CANCELLED",
                                     "DEADLINE",
                                     "DEVICE_LOST",
                                     "DATA_ERROR",
                                     "IO",
                                     "INTERNAL"};

}  // namespace

std::span<const StructRow> struct_rows() { return kStructs; }
std::span<const FieldRow> field_rows() { return kFields; }
std::span<const SlotRow> slot_rows() { return kSlots; }
std::span<const DtypeRow> dtype_rows() { return kDtypes; }
std::span<const ConstantRow> constant_rows() { return kConstants; }
std::span<const NumberRow> number_rows() { return kNumbers; }
std::span<const AttributeRow> attribute_rows() { return kAttributes; }
std::span<const OpRow> op_rows() { return kOps; }
std::span<const OpAttributeRow> op_attribute_rows() { return kOpAttributes; }

const StructRow* struct_row(std::string_view name) {
  for (const StructRow& row : kStructs)
    if (row.name == name) return &row;
  return nullptr;
}

const char* status_name(std::int32_t status) {
  const bool known = status >= 0 && status < static_cast<std::int32_t>(std::size(kStatuses));
  return known ? kStatuses[status] : "a status that the registry does not have";
}

}  // namespace rlx::conform
