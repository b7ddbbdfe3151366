// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/survey.h"

#include <cstddef>
#include <cstring>
#include <set>

#include "tools/conform/shared/registry_table.h"
#include "tools/conform/worker/frames.h"
#include "tools/conform/worker/session.h"

namespace rlx::conform {
namespace {

/// A text of fixed room that may lack its NUL.
template <std::size_t N>
std::string bounded(const char (&chars)[N]) {
  return std::string(chars, strnlen(chars, N));
}

std::string bounded(rlx_str text) {
  return text.data ? std::string(text.data, text.size < 512 ? text.size : 512) : std::string();
}

/// Facts go out as they are found, so that a plugin that crashes on the way has told what it is.
class Teller {
 public:
  void tell(const Facts& facts) {
    std::multiset<std::string> known = told_;
    for (const std::string& line : facts_to_lines(facts)) {
      if (const auto found = known.find(line); found != known.end()) {
        known.erase(found);
        continue;
      }
      told_.insert(line);
      write_frame(FrameKind::kFact, line);
    }
  }

 private:
  std::multiset<std::string> told_;
};

void note_tables(const Library& library, Facts& facts) {
  for (const SlotRow& slot : slot_rows()) {
    const std::string id(slot.interface);
    const void* table = library.tables().of(id);
    if (!table) continue;
    facts.interfaces.insert(id);
    const void* entry = nullptr;
    std::memcpy(&entry, static_cast<const char*>(table) + slot.offset, sizeof entry);
    if (entry) facts.slots.insert(id + "." + std::string(slot.name));
  }
}

void note_descriptor(const Library& library, Facts& facts) {
  const rlx_descriptor* descriptor = library.answer().descriptor;
  if (!descriptor) return;
  facts.plugin_id = bounded(descriptor->id);
  facts.plugin_version = bounded(descriptor->version);
  facts.kind = bounded(descriptor->kinds[0]);
  facts.plugin_flags = descriptor->flags;
}

bool every_slot(const Facts& facts, const char* interface) {
  for (const SlotRow& slot : slot_rows())
    if (slot.interface == interface && slot.required && !facts.has_slot(std::string(interface) + "." + std::string(slot.name)))
      return false;
  return true;
}

void note_options(const Tables& tables, rlx_plugin* instance, Facts& facts) {
  if (!facts.has_slot("rlx.plugin/1.describe_options")) return;
  auto out = roomy<rlx_describe_options_out>();
  if (tables.plugin->describe_options(instance, nullptr, &out, nullptr) != RLX_STATUS_OK || !out.rows) return;
  for (std::uint32_t i = 0; i < out.count && i < 256; ++i) {
    rlx_option_info row{};
    const std::size_t bytes = out.stride < sizeof row ? out.stride : sizeof row;
    std::memcpy(static_cast<void*>(&row), reinterpret_cast<const char*>(out.rows) + std::size_t{i} * out.stride, bytes);
    facts.options.push_back(
        {bounded(row.key), bounded(row.type), bounded(row.value), bounded(row.allowed), row.affects_code, row.scope});
  }
}

void note_claims(const Tables& tables, rlx_device* device, Facts& facts) {
  auto out = roomy<rlx_claims_out>();
  if (tables.compile->claims(device, nullptr, &out, nullptr) != RLX_STATUS_OK || !out.rows) return;
  for (std::uint32_t i = 0; i < out.count && i < 4096; ++i) {
    rlx_claim row{};
    const std::size_t bytes = out.stride < sizeof row ? out.stride : sizeof row;
    std::memcpy(&row, reinterpret_cast<const char*>(out.rows) + std::size_t{i} * out.stride, bytes);
    facts.claims.push_back({row.opcode, row.version_min, row.version_max, row.max_rank, row.dtypes, row.functions,
                            row.operand_layouts, row.precisions, row.flags});
  }
}

void note_device(Run& run, const Tables& tables, rlx_plugin* instance, Facts& facts, Teller& teller) {
  run.phase("device_count");
  auto count = roomy<rlx_device_count_out>();
  if (tables.plugin->device_count(instance, nullptr, &count, nullptr) != RLX_STATUS_OK) return;
  facts.device_count = count.count;
  facts.no_device_reason = bounded(count.reason);
  teller.tell(facts);
  if (!count.count) return;
  run.phase("device_info");
  const rlx_device_info_in in = sized<rlx_device_info_in>();
  auto info = roomy<rlx_device_info_out>();
  if (tables.plugin->device_info(instance, &in, &info, nullptr) == RLX_STATUS_OK) {
    facts.device_flags = info.flags;
    facts.device_name = bounded(info.name);
    facts.persistent_id = bounded(info.persistent_id);
    facts.memory_bytes = info.memory_bytes;
    facts.max_alloc_bytes = info.max_alloc_bytes;
    facts.min_alignment = info.min_alignment;
  }
  teller.tell(facts);
  if (!tables.device || !every_slot(facts, RLX_INTERFACE_DEVICE_1)) return;
  run.phase("device.open");
  const rlx_device_open_in open = sized<rlx_device_open_in>();
  auto out = roomy<rlx_device_open_out>();
  auto error = roomy<rlx_error>();
  const std::int32_t status = tables.device->open(instance, &open, &out, &error);
  facts.device_opened = status == RLX_STATUS_OK && out.device;
  if (!facts.device_opened) {
    facts.device_problem = text("%s: %s", status_name(status), bounded(error.message).c_str());
    return;
  }
  teller.tell(facts);
  run.phase("fingerprint");
  auto print = roomy<rlx_fingerprint_out>();
  if (tables.device->fingerprint(out.device, nullptr, &print, nullptr) == RLX_STATUS_OK) facts.fingerprint = bounded(print.text);
  run.phase("claims");
  if (tables.compile && every_slot(facts, RLX_INTERFACE_COMPILE_1)) note_claims(tables, out.device, facts);
  teller.tell(facts);
  run.phase("device.close");
  tables.device->close(out.device);
}

}  // namespace

void survey(Run& run) {
  const auto library = Library::load(run);
  if (!library) return;
  Facts facts;
  facts.loaded = true;
  note_tables(*library, facts);
  note_descriptor(*library, facts);
  Teller teller;
  teller.tell(facts);
  const Tables& tables = library->tables();
  if (tables.plugin && every_slot(facts, RLX_INTERFACE_PLUGIN_1)) {
    run.phase("plugin.open");
    rlx_open_in in = sized<rlx_open_in>();
    in.abi_minor = library->answer().abi_minor;
    auto out = roomy<rlx_open_out>();
    auto error = roomy<rlx_error>();
    const std::int32_t status = tables.plugin->open(&in, &out, &error);
    facts.opened = status == RLX_STATUS_OK && out.plugin;
    if (!facts.opened) facts.open_problem = text("%s: %s", status_name(status), bounded(error.message).c_str());
    teller.tell(facts);
    if (facts.opened) {
      note_options(tables, out.plugin, facts);
      note_device(run, tables, out.plugin, facts, teller);
      run.phase("plugin.close");
      tables.plugin->close(out.plugin);
    }
  }
  teller.tell(facts);
}

}  // namespace rlx::conform
