// SPDX-License-Identifier: Apache-2.0
// ABI: the handshake, the tables and the rules by which structs grow.
#include "tools/conform/checks/groups.h"
#include "tools/conform/shared/registry_table.h"
#include "tools/conform/worker/session.h"

namespace rlx::conform {
namespace {

const void* slot_of(const Tables& tables, const SlotRow& slot) {
  const void* table = tables.of(std::string(slot.interface));
  const void* entry = nullptr;
  if (table) memcpy(&entry, static_cast<const char*>(table) + slot.offset, sizeof entry);
  return entry;
}

void abi_tables(Run& run) {
  const auto library = Library::load(run);
  if (!library) return;
  run.phase("get_interface");
  const auto get = library->answer().get_interface;
  for (const std::string& id : required_interfaces()) {
    const void* table = get(text_of(id.c_str()));
    run.expect(table != nullptr, "get_interface answers " + id, "null");
    run.expect(table == get(text_of(id.c_str())), "one id, one table: " + id, "another table at the second call");
  }
  for (const SlotRow& slot : slot_rows())
    if (slot.required && library->tables().of(std::string(slot.interface)))
      run.expect(slot_of(library->tables(), slot) != nullptr,
                 "the required slot " + std::string(slot.interface) + "." + std::string(slot.name) + " is there", "null");
  for (const char* id : {"rlx.plugin/2", "rlx.plugin", "rlx.nothing/1", "", "RLX.PLUGIN/1", "rlx.plugin/1x"})
    run.expect(get(text_of(id)) == nullptr, text("get_interface(\"%s\") is null", id), "a table");
  run.expect(get(rlx_str{nullptr, 0}) == nullptr, "get_interface of a text without bytes is null", "a table");
}

constexpr Check kChecks[] = {
    {"ABI-08", 1, "Every required interface and slot is there, one id has one table, unknown ids have none.", 40, one_case, abi_tables},
};

}  // namespace

std::span<const Check> abi_checks() { return kChecks; }

}  // namespace rlx::conform
