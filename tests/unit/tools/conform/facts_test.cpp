// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/shared/facts.h"

#include <gtest/gtest.h>

#include "tools/conform/shared/random.h"
#include "tools/conform/shared/registry_table.h"

namespace rlx::conform {
namespace {

TEST(Facts, CrossAsLines) {
  Facts facts;
  facts.loaded = facts.opened = facts.device_opened = true;
  facts.device_name = "a\tdevice\nwith \\ all";
  facts.device_count = 2;
  facts.max_alloc_bytes = std::uint64_t{1} << 40;
  for (const std::string& id : required_interfaces()) facts.interfaces.insert(id);
  facts.slots.insert("rlx.plugin/1.open");
  facts.claims.push_back({3, 1, 1, 8, 1u << 12, ~std::uint64_t{0}, 5, 1, 3});
  facts.options.push_back({"precision", "enum", "f32", "f32 or tf32", 1, 2});
  const Facts back = facts_from_lines(facts_to_lines(facts));
  EXPECT_TRUE(back.usable());
  EXPECT_EQ(back.device_name, facts.device_name);
  EXPECT_EQ(back.device_count, 2u);
  EXPECT_EQ(back.max_alloc_bytes, facts.max_alloc_bytes);
  EXPECT_EQ(back.slots, facts.slots);
  EXPECT_EQ(back.claims, facts.claims);
  ASSERT_EQ(back.options.size(), 1u);
  EXPECT_EQ(back.options[0].key, "precision");
  EXPECT_EQ(back.options[0].scope, 2u);
}

TEST(Facts, SkipWhatTheyDoNotKnow) {
  const Facts facts = facts_from_lines({"loaded", "nothing\tof this", "", "claim\t1\t2", "kind"});
  EXPECT_TRUE(facts.loaded);
  EXPECT_TRUE(facts.claims.empty());
  EXPECT_FALSE(facts.usable());
}

TEST(RegistryTable, HasTheStructsThatSlotsName) {
  EXPECT_GE(slot_rows().size(), 30u);
  for (const SlotRow& slot : slot_rows()) {
    EXPECT_TRUE(slot.in == "none" || struct_row(slot.in)) << slot.in;
    EXPECT_TRUE(slot.out == "none" || (struct_row(slot.out) && struct_row(slot.out)->out())) << slot.out;
  }
  ASSERT_TRUE(struct_row("rlx_error"));
  EXPECT_EQ(struct_row("rlx_error")->first_size, 40u);
}

TEST(Random, DependsOnSeedAndPlaceAlone) {
  Random one(7), two(7), other(8);
  const std::uint64_t first = one.next();
  EXPECT_EQ(first, two.next());
  EXPECT_NE(first, other.next());
  EXPECT_NE(one.next(), first);
  EXPECT_EQ(hash_text("ABI-03/all", 1), hash_text("ABI-03/all", 1));
  EXPECT_NE(hash_text("ABI-03/all", 1), hash_text("ABI-03/all", 2));
  EXPECT_NE(hash_text("ABI-03/all", 1), hash_text("ABI-04/all", 1));
}

}  // namespace
}  // namespace rlx::conform
