// SPDX-License-Identifier: Apache-2.0
// The table of variants beside a map, over random insertions and erasures, with keys of few and of many sizes.
#include "runtime/execute/variant_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <random>

namespace rlx {
namespace {

struct Owned {
  std::shared_ptr<TemplateBody> from;
  std::vector<std::int64_t> sizes;
  std::uint32_t number;
  VariantProbe key() const { return {from, sizes}; }
};

TEST(VariantTable, FindsWhatAMapFinds) {
  const std::vector<std::shared_ptr<TemplateBody>> templates = {std::make_shared<TemplateBody>(), std::make_shared<TemplateBody>()};
  std::mt19937 random(7);
  VariantTable table;
  std::list<Owned> there;
  std::map<std::pair<const TemplateBody*, std::vector<std::int64_t>>, std::uint32_t> wanted;
  int hits = 0, erased = 0;
  for (std::uint32_t step = 0; step < 20'000; ++step) {
    std::vector<std::int64_t> sizes(random() % 8);
    for (std::int64_t& size : sizes) size = static_cast<std::int64_t>(random() % 3);
    const std::shared_ptr<TemplateBody>& from = templates[random() % 2];
    const auto found = wanted.find({from.get(), sizes});
    ASSERT_EQ(table.find({from, sizes}), found == wanted.end() ? VariantTable::kNone : found->second) << step;
    if (found == wanted.end()) {
      there.push_back({from, sizes, step});
      table.insert(there.back().key(), step);
      wanted[{from.get(), sizes}] = step;
    } else if (++hits; random() % 2) {
      const auto owned = std::find_if(there.begin(), there.end(), [&](const Owned& each) { return each.number == found->second; });
      table.erase(owned->key());
      there.erase(owned);
      wanted.erase(found);
      ++erased;
    }
    ASSERT_EQ(table.size(), wanted.size());
  }
  EXPECT_GT(hits, 1000);
  EXPECT_GT(erased, 1000);
  while (!there.empty()) {
    table.erase(there.front().key());
    there.pop_front();
    if (there.size() % 16) continue;
    for (const Owned& each : there) ASSERT_EQ(table.find(each.key()), each.number);
  }
  EXPECT_EQ(table.size(), 0u);
}

/// Keys whose probes collide must be found through each other's holes.
TEST(VariantTable, KeysOfOneChainSurviveTheErasureOfAnyOfThem) {
  const auto from = std::make_shared<TemplateBody>();
  std::vector<std::vector<std::int64_t>> keys;  // that want the last of 16 entries: the chain goes round the end
  for (std::int64_t size = 0; keys.size() < 6; ++size)
    if ((VariantProbe(from, std::vector{size}).hash & 15) == 15) keys.push_back({size});
  for (std::size_t gone = 0; gone < keys.size(); ++gone) {
    VariantTable table;
    for (std::size_t i = 0; i < keys.size(); ++i) table.insert({from, keys[i]}, static_cast<std::uint32_t>(i));
    table.erase({from, keys[gone]});
    for (std::size_t i = 0; i < keys.size(); ++i)
      EXPECT_EQ(table.find({from, keys[i]}), i == gone ? VariantTable::kNone : i) << "without " << gone;
  }
}

}  // namespace
}  // namespace rlx
