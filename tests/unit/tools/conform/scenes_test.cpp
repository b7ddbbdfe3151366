// SPDX-License-Identifier: Apache-2.0
// Scenes are what their table says, and their plans differ and are valid.
#include <gtest/gtest.h>

#include <set>

#include "tools/conform/numeric/scenes.h"
#include "tools/conform/shared/scenes.h"

namespace rlx::conform {
namespace {

TEST(Scenes, EveryRowHasAnImageOfItsOpsAndNoOther) {
  const auto built = scene_builders();
  ASSERT_EQ(built.size(), scenes().size());
  for (std::size_t i = 0; i < built.size(); ++i) {
    const SceneInfo& row = scenes()[i];
    EXPECT_EQ(built[i].first, row.name);
    std::set<std::uint32_t> said, seen;
    for (const std::uint32_t opcode : row.opcodes)
      if (opcode) said.insert(opcode);
    for (const lir::Op& op : built[i].second.module().ops) seen.insert(op.opcode);
    EXPECT_EQ(seen, said) << row.name;
    EXPECT_TRUE(built[i].second.image()) << row.name;
  }
}

TEST(Scenes, PlansAreValidAndPlaceValuesElsewhere) {
  for (const auto& [name, builder] : scene_builders()) {
    if (name != "reversed_ids") continue;  // in others all values may be alive together
    std::set<std::string> images = {bytes_of(*builder.image())};
    for (const auto& [plan, module] : planned_variants(builder)) {
      const auto image = lir::write_image(module);
      ASSERT_TRUE(image) << plan;
      EXPECT_TRUE(lir::verify_image(image->bytes())) << plan;
      EXPECT_TRUE(images.insert(bytes_of(*image)).second) << name << " under " << plan << " is an image seen before";
    }
  }
}

TEST(Scenes, SteadyMeansExactOrFlagged) {
  Facts facts;
  facts.claims = {{258, 1, 1, 8, ~0ull, ~0ull, 0, 1, 0}, {3, 1, 1, 8, ~0ull, ~0ull, 0, 1, 0}};
  EXPECT_TRUE(scene_steady(*find_scene("add"), facts));
  EXPECT_FALSE(scene_steady(*find_scene("softmax"), facts));
  facts.claims[0].flags = 1;
  EXPECT_TRUE(scene_steady(*find_scene("softmax"), facts));
  EXPECT_FALSE(scene_claimed(*find_scene("conv"), facts));
}

}  // namespace
}  // namespace rlx::conform
