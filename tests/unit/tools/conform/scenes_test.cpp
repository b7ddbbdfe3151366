// SPDX-License-Identifier: Apache-2.0
// Scenes are what their table says, and their plans differ and are valid.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "runtime/base/span.h"
#include "tools/conform/numeric/groups.h"
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
    std::set<std::uint32_t> said, main, all;
    for (const std::uint32_t opcode : row.opcodes)
      if (opcode) said.insert(opcode);
    const auto& module = built[i].second.module();
    const auto& graph = module.regions.at(0);
    for (std::size_t k = 0; k < module.ops.size(); ++k) {
      all.insert(module.ops[k].opcode);
      if (k - graph.first_op < graph.op_count) main.insert(module.ops[k].opcode);
    }
    // What a composite expands to need not be claimed, and may be said where it is the composite's own matter.
    EXPECT_TRUE(std::includes(said.begin(), said.end(), main.begin(), main.end())) << row.name;
    EXPECT_TRUE(std::includes(all.begin(), all.end(), said.begin(), said.end())) << row.name;
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

Facts everything() {
  Facts facts;
  for (const SceneInfo& scene : scenes())
    for (const std::uint32_t opcode : scene.opcodes)
      if (opcode && !facts.claim(opcode)) facts.claims.push_back({opcode, 1, 1, 8, ~0ull, ~0ull, ~0ull, 1, 1});
  return facts;
}

/// A step has one input of the right size per input of its image; what is compared lies within the outputs.
void expect_fits(const std::string& id, const NumericCase& made) {
  for (const NumericStep& step : made.steps) {
    ASSERT_LT(step.image, made.images.size()) << id;
    const std::string& image = made.images[step.image];
    std::vector<std::uint64_t> words((image.size() + 7) / 8);
    image.copy(reinterpret_cast<char*>(words.data()), image.size());
    const auto module = lir::read_image({reinterpret_cast<const std::byte*>(words.data()), image.size()});
    ASSERT_TRUE(module) << id;
    ASSERT_EQ(step.inputs.size(), module->inputs.size()) << id;
    EXPECT_LE(step.specified.size(), module->outputs.size()) << id;
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      const lir::Value& value = module->values[module->inputs[i].value];
      std::uint64_t bytes = dtype_bytes(value.dtype);
      for (const Dim& dim : value.dims) bytes *= static_cast<std::uint64_t>(dim.number());
      EXPECT_EQ(step.inputs[i].size(), bytes) << id << ", input " << i;
    }
    for (const lir::ParamRef& param : module->params) EXPECT_LT(param.set_index, made.params.size()) << id;
  }
}

TEST(NumericSteps, EveryStepOfEveryCaseFitsItsImage) {
  const Facts facts = everything();
  std::size_t steps = 0;
  for (const auto group : {mem_numeric_checks(), dyn_numeric_checks(), det_numeric_checks()})
    for (const NumericCheck& check : group)
      for (const std::string& key : check.cases(facts, 2)) {
        const auto made = check.make(key, 7, facts);
        ASSERT_TRUE(made) << check.id << "/" << key << ": " << made.error().message();
        steps += made->steps.size();
        expect_fits(std::string(check.id) + "/" + key, *made);
      }
  EXPECT_GT(steps, 1000u);
}

}  // namespace
}  // namespace rlx::conform
