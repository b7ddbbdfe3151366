// SPDX-License-Identifier: Apache-2.0
// Shrinking: what is cut off leaves the answers of the rest as they were, and a fault is followed to its operation.
#include "tools/conform/numeric/shrink.h"

#include <gtest/gtest.h>
#include <rlx/ops.h>

#include "runtime/ir/lir/image.h"
#include "tools/conform/numeric/expected.h"
#include "tools/conform/numeric/graph_maker.h"
#include "tools/conform/numeric/image_builder.h"

namespace rlx::conform {
namespace {

NumericCase encoder() {
  RandomGraph graph = *model_slice("encoder", 4);
  graph.module.plan = random_plan(graph.module, PlanStyle::kTight, 1);
  return *case_of_graph(graph, false);
}

lir::Module module_of(const NumericCase& made) {
  lir::Image image(made.image.size());
  std::copy_n(reinterpret_cast<const std::byte*>(made.image.data()), made.image.size(), image.bytes().data());
  return *lir::read_image(image.bytes());
}

bool has(const NumericCase& made, Opcode op) {
  const lir::Module module = module_of(made);
  return std::any_of(module.ops.begin(), module.ops.begin() + module.regions[0].op_count, [&](const lir::Op& each) { return each.opcode == op; });
}

TEST(ReduceCase, ValuesOfTheReferenceStandForWhatIsCut) {
  const NumericCase whole = encoder();
  const auto wanted = expected_outputs(whole.image, whole.inputs, whole.params);
  ASSERT_TRUE(wanted);
  for (std::uint32_t ops = 0; ops < op_count(whole); ++ops) {
    Cut cut;
    for (std::uint32_t i = 0; i < ops; ++i) cut.ops.insert(i);
    const auto made = reduce_case(whole, cut);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(op_count(*made), op_count(whole) - ops);
    const auto seen = expected_outputs(made->image, made->inputs, made->params);
    ASSERT_TRUE(seen) << seen.error().message();
    for (std::size_t k = 0; k < wanted->at(0).v.size(); ++k) ASSERT_NEAR(wanted->at(0).v[k], seen->at(0).v[k], wanted->at(0).bound(k)) << ops;
  }
}

TEST(ReduceCase, OutputsThatAreNotKeptTakeTheirOperationsAlong) {
  Facts facts;
  facts.claims.push_back({RLX_OP_BINARY, 1, 1, 8, ~std::uint64_t{0}, ~std::uint64_t{0}, 0, 0, 0});
  const auto graph = random_graph(facts, 30, true, 3);
  ASSERT_TRUE(graph);
  const NumericCase whole = *case_of_graph(*graph, true);
  const auto wanted = *expected_outputs(whole.image, whole.inputs, whole.params);
  ASSERT_GT(wanted.size(), 2u);
  for (std::uint32_t i = 0; i < wanted.size(); ++i) {
    const auto made = reduce_case(whole, {{i}, {}, {}});
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_LE(op_count(*made), op_count(whole));
    const auto seen = *expected_outputs(made->image, made->inputs, made->params);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].v, wanted[i].v);
  }
}

TEST(Shrink, FollowsAFaultToItsOperation) {
  const auto fails = [](const NumericCase& made) { return has(made, RLX_OP_ATTENTION); };
  const Shrunk shrunk = shrink_case(encoder(), fails);
  EXPECT_EQ(op_count(shrunk.smallest), 1u);
  EXPECT_TRUE(has(shrunk.smallest, RLX_OP_ATTENTION));
  EXPECT_EQ(shrunk.confirmed, 20u);
  for (const std::string& bytes : shrunk.smallest.inputs) EXPECT_EQ(bytes.find_first_not_of('\0'), std::string::npos) << "no data is needed";
}

TEST(Shrink, KeepsTwoOperationsThatFailTogether) {
  const auto fails = [](const NumericCase& made) { return has(made, RLX_OP_ATTENTION) && has(made, RLX_OP_LAYER_NORM); };
  const Shrunk shrunk = shrink_case(encoder(), fails);
  EXPECT_TRUE(fails(shrunk.smallest));
  EXPECT_LE(op_count(shrunk.smallest), 4u);
}

TEST(Shrink, GivesTheCaseBackWhereNothingSmallerFails) {
  const NumericCase whole = encoder();
  const Shrunk shrunk = shrink_case(whole, [&](const NumericCase& made) { return made.image == whole.image && made.inputs == whole.inputs && made.params == whole.params; });
  EXPECT_EQ(shrunk.smallest.image, whole.image);
}

TEST(Shrink, KeepsToItsProbes) {
  unsigned asked = 0;
  const Shrunk shrunk = shrink_case(encoder(), [&](const NumericCase&) { return ++asked, false; }, {3, 60, 0});
  EXPECT_LE(asked, 3u);
  EXPECT_EQ(shrunk.probes, asked);
}

}  // namespace
}  // namespace rlx::conform
