// SPDX-License-Identifier: Apache-2.0
// Random graphs: every one is valid, and orders, plans, rewrites and inlining leave its answers as they are.
#include "tools/conform/numeric/graph_maker.h"

#include <gtest/gtest.h>
#include <rlx/ops.h>

#include <algorithm>

#include "tools/conform/numeric/expected.h"
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

/// A device that claims everything that graphs are grown from.
const Facts& all_claims() {
  static const Facts facts = [] {
    Facts made;
    for (const std::uint32_t op : {RLX_OP_BINARY, RLX_OP_UNARY, RLX_OP_ACT, RLX_OP_REDUCE, RLX_OP_CONCAT, RLX_OP_COPY, RLX_OP_LINEAR, RLX_OP_SOFTMAX, RLX_OP_LAYER_NORM, RLX_OP_RMS_NORM})
      made.claims.push_back({op, 1, 1, 8, ~std::uint64_t{0}, ~std::uint64_t{0}, 0, 0, 0});
    return made;
  }();
  return facts;
}

RandomGraph graph_of(std::uint64_t seed, bool exact = false) {
  auto graph = random_graph(all_claims(), 12, exact, seed);
  EXPECT_TRUE(graph) << graph.error().message();
  return *std::move(graph);
}

std::vector<reference::Tensor> answers(const RandomGraph& graph) {
  const auto made = case_of_graph(graph, false);
  EXPECT_TRUE(made) << made.error().message();
  if (!made) return {};
  auto expected = expected_outputs(made->image, made->inputs, made->params);
  EXPECT_TRUE(expected) << expected.error().message();
  return expected ? *std::move(expected) : std::vector<reference::Tensor>();
}

void expect_same(const std::vector<reference::Tensor>& a, const std::vector<reference::Tensor>& b) {
  ASSERT_LE(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].dims, b[i].dims);
    for (std::size_t k = 0; k < a[i].v.size(); ++k) ASSERT_NEAR(a[i].v[k], b[i].v[k], a[i].bound(k) + b[i].bound(k)) << i << ", " << k;
  }
}

TEST(GraphMaker, GrowsWhatIsValidAndTheReferenceComputes) {
  std::size_t ops = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const RandomGraph graph = graph_of(seed, seed % 2 == 0);
    ops += graph.module.regions[0].op_count;
    EXPECT_FALSE(answers(graph).empty()) << seed;
  }
  EXPECT_GE(ops, 60u * 10);
}

TEST(GraphMaker, TheSeedDecidesEverything) {
  const auto image = [](std::uint64_t seed) { return case_of_graph(graph_of(seed), false)->image; };
  EXPECT_EQ(image(7), image(7));
  EXPECT_NE(image(7), image(8));
}

TEST(GraphMaker, NothingIsGrownFromADeviceWithoutClaims) { EXPECT_FALSE(random_graph(Facts(), 5, false, 1)); }

TEST(GraphMaker, EveryOrderGivesTheSameAnswers) {
  int moved = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const RandomGraph graph = graph_of(seed);
    RandomGraph other = graph;
    shuffle_order(other.module, seed);
    for (std::uint32_t i = 0; i < graph.module.regions[0].op_count; ++i) moved += graph.module.ops[i].results != other.module.ops[i].results;
    expect_same(answers(graph), answers(other));
  }
  EXPECT_GT(moved, 20);
}

TEST(GraphMaker, InliningLeavesNoCompositeAndTheSameAnswers) {
  const auto check = [](const RandomGraph& graph) {
    RandomGraph other = graph;
    inline_composites(other.module, true, 1);
    const auto& ops = other.module.ops;
    EXPECT_TRUE(std::all_of(ops.begin(), ops.begin() + other.module.regions[0].op_count, [](const lir::Op& op) { return op.regions.empty(); }));
    expect_same(answers(graph), answers(other));
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) check(graph_of(seed));
  for (const char* name : {"encoder", "decoder", "vision"}) check(*model_slice(name, 3));
  EXPECT_FALSE(model_slice("nothing", 3));
}

TEST(GraphMaker, EveryPlanIsValidAndNoTwoStylesAgree) {
  const RandomGraph graph = *random_graph(all_claims(), 40, false, 5);
  std::vector<std::string> images;
  for (const PlanStyle style : {PlanStyle::kTight, PlanStyle::kLoose, PlanStyle::kReversed, PlanStyle::kMisaligned, PlanStyle::kManyArenas, PlanStyle::kNone})
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      RandomGraph planned = graph;
      planned.module.plan = random_plan(graph.module, style, seed);
      const auto made = case_of_graph(planned, false);
      ASSERT_TRUE(made) << made.error().message();
      if (seed == 0) images.push_back(made->image);
    }
  std::sort(images.begin(), images.end());
  EXPECT_EQ(std::unique(images.begin(), images.end()), images.end());
}

TEST(GraphMaker, RewritesChangeTheGraphAndNotItsAnswers) {
  for (const char* name : {"dead_op", "twice", "constants", "copies", "two_outputs"})
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      const RandomGraph graph = graph_of(seed);
      RandomGraph other = graph;
      ASSERT_TRUE(rewrite_graph(other, name, seed));
      expect_same(answers(graph), answers(other));
    }
  RandomGraph graph = graph_of(1);
  EXPECT_FALSE(rewrite_graph(graph, "nothing", 1));
}

}  // namespace
}  // namespace rlx::conform
