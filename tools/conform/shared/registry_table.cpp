// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/shared/registry_table.h"

#include <rlx/types.h>

namespace rlx::conform {
namespace {

constexpr bool in = false;
constexpr bool out = true;

#define RLX_STRUCT(name, kind, size, first) {#name, kind, size, first},
#define RLX_STRUCT_FIELD(...)
#define RLX_SLOT(...)
constexpr StructRow kStructs[] = {
#include "tools/conform/shared/registry_table.inc"
};
#undef RLX_STRUCT
#undef RLX_STRUCT_FIELD
#define RLX_STRUCT(...)
#define RLX_STRUCT_FIELD(owner, name, offset, size, null) {#owner, #name, offset, size, null},
constexpr FieldRow kFields[] = {
#include "tools/conform/shared/registry_table.inc"
};
#undef RLX_STRUCT_FIELD
#undef RLX_SLOT
#define RLX_STRUCT_FIELD(...)
#define RLX_SLOT(interface, name, offset, required, fallible, in, out, statuses) \
  {interface, #name, offset, required, fallible, in, out, statuses},
constexpr SlotRow kSlots[] = {
#include "tools/conform/shared/registry_table.inc"
};

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
