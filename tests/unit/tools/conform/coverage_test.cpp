// SPDX-License-Identifier: Apache-2.0
// Every slot, struct, field and stride of the registry belongs to a check; and the worker's own helpers.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "tools/conform/checks/abi.h"
#include "tools/conform/checks/check.h"
#include "tools/conform/checks/environment.h"
#include "tools/conform/numeric/numeric.h"
#include "tools/conform/worker/host.h"
#include "tools/conform/worker/memory.h"
#include "tools/conform/worker/process_state.h"
#include "tools/conform/worker/slots.h"
#include "tools/conform/worker/watch.h"

namespace rlx::conform {
namespace {

Facts everything() {
  Facts facts;
  facts.loaded = facts.opened = facts.device_opened = true;
  facts.device_count = 1;
  for (const SlotRow& row : slot_rows()) {
    facts.interfaces.insert(std::string(row.interface));
    facts.slots.insert(slot_name(row));
  }
  return facts;
}

std::set<std::string> keys_of(const char* check) {
  const auto keys = find_check(check)->cases(everything(), Profile::kQuick);
  return {keys.begin(), keys.end()};
}

TEST(Coverage, EveryFallibleSlotCanBeCalled) {
  EXPECT_EQ(slots_without_driver(), std::vector<std::string>());
  for (const SlotDriver& driver : slot_drivers()) EXPECT_TRUE(slot_row(driver.slot)) << driver.slot << " is no slot of the registry";
}

TEST(Coverage, EveryStructThatGrowsIsSwept) {
  std::set<std::string_view> swept = {"rlx_error", "rlx_call"};  // keys of ABI-06 and ABI-04
  for (const SlotRow& row : slot_rows()) swept.insert(row.in), swept.insert(row.out);
  for (const StructRow& row : struct_rows()) EXPECT_TRUE(!row.grows() || swept.count(row.name)) << row.name << " belongs to no check";
}

TEST(Coverage, InStructsAreCutWhereALaterFieldBegins) {
  using Sizes = std::vector<std::uint32_t>;
  const FieldRow fields[] = {{"a", "struct_size", 0, 4, ""}, {"a", "first", 4, 4, ""}, {"b", "other", 8, 8, ""},
                             {"a", "second", 8, 8, ""},      {"a", "third", 16, 8, ""}};
  EXPECT_EQ(cuts_of({"a", StructKind::kIn, 24, 8}, fields, false), (Sizes{8, 16}));
  EXPECT_EQ(cuts_of({"a", StructKind::kIn, 24, 24}, fields, false), Sizes());
  EXPECT_EQ(cuts_of({"a", StructKind::kIn, 24, 24}, fields, true), Sizes{24});
}

// ---- Which check answers for which field

struct FieldChecks {
  const char *owner, *fields;
  const char* checks;  ///< null: none, for `reason`
  const char* reason;
};
constexpr FieldChecks kFieldChecks[] = {
#define OWNS(owner, fields, checks) {owner, fields, checks, ""},
#define FREE(owner, fields, reason) {owner, fields, nullptr, reason},
#include "tests/unit/tools/conform/field_checks.inc"
#undef OWNS
#undef FREE
};

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> out;
  for (std::string word; stream >> word;) out.push_back(word);
  return out;
}

/// ABI-04 sets every byte past a struct, ABI-05 its size, ABI-06 writes it: of structs that grow these belong to them.
bool belongs_to_the_sweeps(const FieldRow& field) {
  return struct_row(field.owner)->grows() && (field.name == "struct_size" || field.name == "reserved");
}

/// "rlx_open_in.options", each with its row of field_checks.inc.
std::map<std::string, const FieldChecks*> checks_of_fields() {
  std::map<std::string, const FieldChecks*> out;
  for (const FieldChecks& row : kFieldChecks)
    for (const std::string& field : words(row.fields))
      EXPECT_TRUE(out.emplace(std::string(row.owner) + "." + field, &row).second) << row.owner << "." << field << " stands in two rows";
  return out;
}

TEST(Coverage, EveryFieldBelongsToACheckOrSaysWhyNot) {
  auto rows = checks_of_fields();
  for (const FieldRow& field : field_rows()) {
    ASSERT_TRUE(struct_row(field.owner)) << field.owner;
    const std::string name = std::string(field.owner) + "." + std::string(field.name);
    EXPECT_EQ(rows.erase(name), belongs_to_the_sweeps(field) ? 0u : 1u)
        << name << ": name the checks that look at it in field_checks.inc, or why none does";
  }
  for (const auto& [name, row] : rows) ADD_FAILURE() << name << " is no field of the registry";
}

TEST(Coverage, FieldsBelongToChecksThatThereAre) {
  for (const FieldChecks& row : kFieldChecks) {
    EXPECT_TRUE(row.checks || row.reason[0]) << row.owner << ": " << row.fields;
    for (const std::string& check : words(row.checks ? row.checks : ""))
      EXPECT_TRUE(find_check(check) || find_numeric(check)) << row.owner << ": there is no " << check;
  }
}

TEST(Coverage, EveryStrideIsACaseOfAbi11OrOfLir07) {
  std::set<std::string> strides;
  const auto keys = keys_of("ABI-11");
  for (const StrideCase& row : stride_table()) {
    EXPECT_TRUE(keys.count(row.key)) << row.key;
    EXPECT_TRUE(slot_row(row.slot)) << row.slot;
    for (const std::string& field : words(row.fields)) strides.insert(std::string(row.owner) + "." + field);
  }
  const auto rows = checks_of_fields();
  for (const FieldRow& field : field_rows()) {
    if (!field.name.ends_with("stride")) continue;
    const std::string name = std::string(field.owner) + "." + std::string(field.name);
    if (struct_row(field.owner)->kind == StructKind::kRecord) {
      const auto row = rows.find(name);
      EXPECT_TRUE(row != rows.end() && row->second->checks && std::string(row->second->checks).find("LIR-07") != std::string::npos) << name;
    } else {
      EXPECT_EQ(strides.erase(name), 1u) << name << " is no case of ABI-11";
    }
  }
  for (const std::string& name : strides) ADD_FAILURE() << name << " is no stride of the registry";
}

TEST(Coverage, EverySlotWithStructsIsACaseOfTheSweeps) {
  const auto in = keys_of("ABI-04"), cut = keys_of("ABI-03"), out = keys_of("ABI-06"), sizes = keys_of("ABI-05");
  for (const SlotRow& row : slot_rows()) {
    if (!row.fallible) continue;
    const std::string name = slot_name(row);
    EXPECT_EQ(in.count(name), row.in != "none") << name;
    EXPECT_EQ(cut.count(name), row.in != "none") << name;
    EXPECT_EQ(out.count(name), row.out != "none") << name;
    EXPECT_EQ(sizes.count(name), row.in != "none" || row.out != "none") << name;
  }
}

TEST(Coverage, IdsAreUniqueAndKeysFitTheReplayLine) {
  std::set<std::string> ids;
  for (const auto group : catalogue())
    for (const Check& check : group) {
      EXPECT_TRUE(ids.insert(check.id).second) << check.id << " occurs twice";
      EXPECT_GE(check.level, 0);  // 0: a badge
      EXPECT_LE(check.level, 6);
      std::set<std::string> keys;
      for (const std::string& key : check.cases(everything(), Profile::kFull)) {
        EXPECT_TRUE(keys.insert(key).second) << check.id << "/" << key << " occurs twice";
        EXPECT_EQ(key.find_first_of(": \t\n"), std::string::npos) << key;
      }
    }
}

TEST(Coverage, ListsNothingThatNeedsADeviceWhereThereIsNone) {
  EXPECT_TRUE(find_check("ABI-04")->cases(Facts(), Profile::kFull).empty());
}

TEST(ChangedEnvironment, KeepsWhatIsNotChanged) {
  const char* own[] = {"CUDA_VISIBLE_DEVICES=1", "TZ=UTC", "LC_ALL=C", "TZX=1", nullptr};
  EXPECT_EQ(changed_environment(own, {"TZ=Asia/Kathmandu", "LANG=de"}),
            (std::vector<std::string>{"CUDA_VISIBLE_DEVICES=1", "LC_ALL=C", "TZX=1", "TZ=Asia/Kathmandu", "LANG=de"}));
}

TEST(ProcessState, WaitsForThreadsThatAreEnding) {
  const ProcessState before = ProcessState::now();
  std::thread([] { std::this_thread::sleep_for(std::chrono::milliseconds(150)); }).detach();
  EXPECT_GT(ProcessState::now().threads, before.threads);
  EXPECT_EQ(ProcessState::settled(before).threads, before.threads);
}

TEST(Guarded, LiesAgainstTheForbiddenPage) {
  Guarded memory(100, 8);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % 8, 0u);
  memory.fill(1);
  EXPECT_TRUE(memory.intact());
  memory.data()[100] = 1;  // the slack that alignment leaves
  EXPECT_FALSE(memory.intact());
  Guarded exact(4096, 64);
  EXPECT_DEATH(static_cast<void>(*const_cast<volatile unsigned char*>(exact.data() + 4096)), "");
  Guarded front(64, 1, Flush::kBegin);
  EXPECT_DEATH(static_cast<void>(*const_cast<volatile unsigned char*>(front.data() - 1)), "");
  Guarded fixed(16);
  fixed.read_only(true);
  EXPECT_DEATH(fixed.fill(1), "");
}

TEST(Guarded, LeavesRoomForWhatStraysALittleAndNoBetterAlignmentThanAsked) {
  Guarded middle(10, 4, Flush::kMiddle, 0x11);
  EXPECT_EQ(middle.data()[-500], 0x11);
  middle.set_slack(0x22);
  EXPECT_TRUE(middle.intact());
  EXPECT_EQ(middle.data()[-4], 0x22);
  middle.data()[510] = 0;
  EXPECT_FALSE(middle.intact());
  for (const std::size_t alignment : {1, 4, 64})
    for (const std::size_t bytes : {1, 20, 4096}) {
      const Guarded exact(bytes, alignment, Flush::kExact);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(exact.data()) % (2 * alignment), alignment) << bytes;
    }
}

TEST(Watch, CountsAndFailsAllocations) {
  if (!calls_are_watched()) GTEST_SKIP() << "a sanitizer counts";
  // Called through pointers that may change, so that no compiler leaves a pair of calls out.
  void* (*volatile allocate)(std::size_t) = std::malloc;
  const Calls before = calls_so_far();
  void* memory = allocate(100);
  std::free(memory);
  const Calls after = calls_so_far();
  EXPECT_EQ(after.allocations - before.allocations, 1u);
  EXPECT_EQ(after.frees - before.frees, 1u);
  void *first = nullptr, *second = nullptr, *third = nullptr;
  bool fired = false;
  {
    const FailAllocation fail(2);
    first = allocate(8);
    second = allocate(8);
    third = allocate(8);
    fired = fail.fired();
  }
  EXPECT_TRUE(first);
  EXPECT_FALSE(second);
  EXPECT_TRUE(third);
  EXPECT_TRUE(fired);
  std::free(first);
  std::free(third);
}

TEST(Host, OffersWhatItIsToldAndCounts) {
  Host host(HostOptions::all());
  const auto* alloc = static_cast<const rlx_host_alloc_1*>(host.get()->get_service(host.get()->user, text_of(RLX_HOST_ALLOC_1)));
  ASSERT_TRUE(alloc);
  void* memory = alloc->alloc(host.get()->user, 48, 64);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 64, 0u);
  EXPECT_EQ(host.live_bytes, 48u);
  alloc->free(host.get()->user, memory, 48);
  EXPECT_EQ(host.live_bytes, 0u);
  host.fail_allocation = 2;
  EXPECT_FALSE(alloc->alloc(host.get()->user, 8, 8));
  Host none(HostOptions::none());
  EXPECT_FALSE(none.get()->get_service(none.get()->user, text_of(RLX_HOST_ALLOC_1)));
}

}  // namespace
}  // namespace rlx::conform
