// SPDX-License-Identifier: Apache-2.0
// Every slot and struct of the registry belongs to a check; and the worker's own helpers.
#include <gtest/gtest.h>

#include <set>

#include "tools/conform/checks/check.h"
#include "tools/conform/worker/host.h"
#include "tools/conform/worker/memory.h"
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
  for (const StructRow& row : struct_rows()) EXPECT_TRUE(swept.count(row.name)) << row.name << " belongs to no check";
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
