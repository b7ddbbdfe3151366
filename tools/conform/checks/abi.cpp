// SPDX-License-Identifier: Apache-2.0
// ABI: the handshake, the tables and the rules by which structs grow.
#include "tools/conform/checks/abi.h"
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

std::vector<std::string> device_case(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"all"} : std::vector<std::string>{};
}

constexpr Check kChecks[] = {
    {"ABI-01", 1, "It exports rlx_plugin_query alone, imports nothing from the host, and two copies of it coexist.", 8, one_case, abi_exports},
    {"ABI-02", 1, "The handshake takes the highest common versions, or answers VERSION with both ranges and without side effects.", 40, handshake_cases, abi_handshake},
    {"ABI-03", 1, "An in-struct cut at a field boundary is read as if zeros followed, and no byte past its size.", 3, in_cases, abi_cut},
    {"ABI-04", 1, "Unknown zero bytes at the end of an in-struct change nothing; an unknown byte that is set is refused with its offset.", 1000, extended_cases, abi_extended},
    {"ABI-05", 1, "A struct_size below the first version's or above 4096 is INVALID_ARGUMENT, read no further.", 200, size_cases, abi_wrong_sizes},
    {"ABI-06", 1, "Out-structs and the error record are written as far as caller and plugin both know them, and struct_size never grows.", 300, out_cases, abi_out_sizes},
    {"ABI-07", 1, "In-structs, images, arrays and inputs may lie in read-only memory.", 10, device_case, abi_read_only},
    {"ABI-08", 1, "Every required interface and slot is there, one id has one table, unknown ids have none.", 40, one_case, abi_tables},
    {"ABI-09", 1, "The descriptor in the file is the one handed out, well formed, and agrees with the device; ids are those of other processes.", 15, one_case, abi_descriptor},
    {"ABI-10", 1, "Host services, each, all and awkward ones, change no result.", 40, host_cases, abi_host},
    {"ABI-11", 1, "Arrays are walked by their stride; what lies between rows is neither read nor written.", 20, stride_cases, abi_strides},
};

}  // namespace

std::span<const Check> abi_checks() { return kChecks; }

}  // namespace rlx::conform
