// SPDX-License-Identifier: Apache-2.0
// Random graphs of the ops that passes care about: all passes, and each alone, leave the numbers as they were; sweeps
// stay near-linear.
#include <gtest/gtest.h>

#include <random>

#include "runtime/ir/text.h"
#include "support.h"

namespace rlx::test {
namespace {

/// Grows a graph over values of [b, s, 4], [b, s, 1], [4] and their like; any value may become an output.
class Grower {
 public:
  explicit Grower(std::uint32_t seed) : random_(seed) {
    values_ = {m_.input("x", {m_.B(), m_.S(), 4}), m_.input("y", {m_.B(), m_.S(), 4}), m_.input("z", {m_.B(), 1, 4}),
               m_.param("bias", {4}), m_.param("one", {1})};
  }

  Graph grow(int steps) {
    for (int i = 0; i < steps; ++i) step(i);
    std::vector<ValueId> outputs{values_.back()};
    for (const ValueId id : values_)
      if (m_.graph.values[id].kind == ValueKind::kResult && id != values_.back() && below(8) == 0) outputs.push_back(id);
    return m_.finish(outputs);
  }

 private:
  std::uint32_t below(std::uint32_t n) { return random_() % n; }
  /// Recent values more often: patterns are chains.
  ValueId any() { return values_[values_.size() - 1 - std::min<std::size_t>(values_.size() - 1, below(2) ? below(3) : below(static_cast<std::uint32_t>(values_.size())))]; }
  ValueId wide() {
    for (int i = 0; i < 20; ++i)
      if (const ValueId id = any(); m_.b.shape(id).rank() == 3 && m_.b.shape(id).dims[2] == Dim(4) && m_.b.shape(id).dims[1] == m_.S()) return id;
    return values_[below(2)];
  }
  ValueId calm(ValueId x) { return m_.b.unary(RLX_UNARY_TANH, x); }

  void step(int i) {
    switch (below(14)) {
      case 0:
        return put(m_.b.matmul(wide(), m_.param(join("w", i), {4, 4})));
      case 1:
        return put(m_.b.matmul(wide(), m_.b.transpose(m_.param(join("w", i), {4, 4}), {1, 0})));
      case 2:
        return put(m_.add(any(), m_.graph.params[below(2)].value));
      case 3:
        return put(m_.add(any(), any()));
      case 4:
        return put(m_.act(calm(any()), below(2) ? RLX_ACT_GELU_ERF : RLX_ACT_SILU));
      case 5:
        return put(m_.layer_norm(wide(), m_.param(join("g", i), {4}), m_.param(join("h", i), {4}), 2));
      case 6:
        return put(m_.layer_norm(m_.b.transpose(wide(), {0, 2, 1}), m_.input(join("g", i), {4, m_.S()}), m_.input(join("h", i), {4, m_.S()}), 1), true);
      case 7:
        return put(add_composite(m_.b, RLX_OP_RMS_NORM, {wide(), m_.param(join("g", i), {4})}, {{RLX_ATTR_AXIS, Dim(2)}, {RLX_ATTR_EPS, 1e-5}}));
      case 8:
        return put(m_.mul(calm(any()), any()));
      case 9:
        return put(m_.b.select(m_.b.compare(RLX_COMPARE_GT, any(), m_.number(0)), calm(any()), m_.number(0.5)));
      case 10:
        return put(m_.b.reshape(m_.b.reshape(wide(), {m_.B() * m_.S(), 4}), {m_.B(), m_.S(), 4}));
      case 11:
        return put(m_.b.transpose(m_.b.transpose(wide(), {0, 2, 1}), {0, 2, 1}));
      case 12:
        return put(m_.b.broadcast(m_.b.reduce(below(2) ? RLX_REDUCE_SUM : RLX_REDUCE_MAX, wide(), {2}, true), {m_.B(), m_.S(), 4}));
      default:
        return put(m_.softmax(wide(), below(2) ? 2 : 1));
    }
  }

  /// `turned`: [b, 4, s], back to the order of the others.
  void put(ValueId id, bool turned = false) { values_.push_back(calm(turned ? m_.b.transpose(id, {0, 2, 1}) : id)); }

  Maker m_;
  std::mt19937 random_;
  std::vector<ValueId> values_;
};

TEST(RandomGraphs, AllPassesKeepTheNumbers) {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    fused(Grower(seed).grow(4 + static_cast<int>(seed % 12)), 1e-4);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(RandomGraphs, EachPassAloneKeepsTheNumbers) {
  for (std::uint32_t seed = 1000; seed < 1030; ++seed) {
    const Graph graph = Grower(seed).grow(10);
    for (const Pass& pass : passes()) {
      SCOPED_TRACE(testing::Message() << pass.name << ", seed " << seed);
      expect_same_numbers(graph, after_pass(graph, pass.name), {{"b", 2}, {"s", 3}}, seed, 1e-4);
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(RandomGraphs, PassesAreStable) {
  for (std::uint32_t seed = 2000; seed < 2030; ++seed) {
    const Graph graph = Grower(seed).grow(10);
    EXPECT_EQ(print(after_pass(graph, "")), print(after_pass(graph, ""))) << seed;
  }
}

TEST(Passes, TwelveThousandNodesGoThrough) {
  Maker m;
  ValueId x = m.input("x", {m.B(), m.S(), 4});
  for (int i = 0; i < 2000; ++i) {
    const ValueId y = m.add(m.b.matmul(x, m.param(join("w", i), {4, 4})), m.param(join("b", i), {4}));
    x = m.layer_norm(m.add(m.b.unary(RLX_UNARY_SIN, y), x), m.param(join("g", i), {4}), m.param(join("h", i), {4}), 2);
  }
  Graph graph = m.finish({x});
  const std::size_t before = graph.nodes.size();
  const Status status = optimize(graph, {});
  ASSERT_TRUE(status) << status.error().to_string();
  EXPECT_LT(graph.nodes.size(), before);
}

}  // namespace
}  // namespace rlx::test
