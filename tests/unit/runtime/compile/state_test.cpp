// SPDX-License-Identifier: Apache-2.0
// States through compiling: passes keep the pairs, images carry them, the ready image and the slow path agree, and what
// a state's next value needs no arena.
#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/compile/specialize.h"
#include "runtime/ir/lir/image.h"
#include "runtime/ir/verify.h"
#include "support.h"

namespace rlx::test {
namespace {

/// A cache [b, 2, c, 4] that takes in s rows from row `past` on and is looked at; beside it a running sum that nobody
/// reads but itself, and dead code that reads the cache.
Graph cache() {
  Maker m;
  const Dim room = Dim::symbol("c");
  m.graph.symbols["c"] = {0, 1 << 20};
  const ValueId x = m.input("x", {m.B(), 2, m.S(), 4}), keys = m.input("keys", {m.B(), 2, room, 4});
  const ValueId past = m.input("past", {}, DType::kI64), sum = m.input("sum", {m.B(), 2, m.S(), 4});
  std::vector<ValueId> start;
  for (int axis = 0; axis < 4; ++axis)
    start.push_back(m.b.reshape(axis == 2 ? past : add_scalar_i64(m.graph, DType::kI64, 0), {1}));
  const ValueId next = m.b.add(RLX_OP_DYNAMIC_UPDATE_SLICE, {keys, x, m.b.concat(start, 0)});
  const ValueId filled = m.b.binary(RLX_BINARY_ADD, past, m.b.dim(m.S()));
  const ValueId lengths = m.b.broadcast(m.b.reshape(filled, {1}), {m.B()});
  const ValueId seen = add_composite(m.b, RLX_OP_ATTENTION, {x, next, next, lengths},
                                     {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_LENGTHS)}, {RLX_ATTR_CAUSAL, Dim(RLX_CAUSAL_LENGTH)}});
  m.act(keys, RLX_ACT_RELU);
  const ValueId doubled = m.add(m.mul(seen, m.number(2)), m.number(1));
  Graph graph = m.finish({doubled, next, m.add(sum, seen)});
  graph.states = {{1, 1}, {3, 2}};
  graph.length = StateLength{2, m.S(), room};
  EXPECT_TRUE(verify(graph)) << verify(graph).error().to_string();
  return graph;
}

TEST(State, PassesKeepPairsAndLength) {
  const Graph before = cache(), after = after_pass(before, "");
  ASSERT_TRUE(verify(after)) << verify(after).error().to_string();
  ASSERT_EQ(after.states.size(), 2u);
  const auto names = [](const Graph& graph, std::size_t i) {
    return graph.values[graph.inputs[graph.states[i].input]].name + " " + graph.outputs[graph.states[i].output].name;
  };
  EXPECT_EQ(names(after, 0), names(before, 0));
  EXPECT_EQ(names(after, 1), names(before, 1));
  ASSERT_TRUE(after.length);
  EXPECT_EQ(after.values[after.inputs[after.length->input]].name, "past");
  EXPECT_EQ(count(after, RLX_OP_DYNAMIC_UPDATE_SLICE), 1u);
}

Target primitives_only() {
  Target target = takes_all();
  target.query = [](Bytes image) -> Result<TargetAnswer> {
    RLX_ASSIGN(const lir::Module module, lir::read_image(image));
    TargetAnswer answer;
    for (const lir::Op& op : module.ops)
      answer.verdicts.push_back({op.opcode >= RLX_OP_LINEAR ? Verdict::Kind::kExpand : Verdict::Kind::kNative, "a fake"});
    return answer;
  };
  return target;
}

TEST(State, ImagesCarryPairsWhateverIsInlined) {
  const auto graph = std::make_shared<const Graph>(after_pass(cache(), ""));
  for (const Target& target : {takes_all(), primitives_only()}) {
    Specializer specializer(graph, target);
    for (const std::int64_t seq : {1, 3}) {
      const DimBinding binding{{"b", 2}, {"s", seq}, {"c", 5}};
      const auto fast = specializer.specialize(binding);
      ASSERT_TRUE(fast) << fast.error().to_string();
      const auto slow = specializer.specialize_slowly(binding);
      ASSERT_TRUE(slow) << slow.error().to_string();
      EXPECT_TRUE(std::equal(fast->image->bytes().begin(), fast->image->bytes().end(), slow->bytes().begin(), slow->bytes().end()));
      const auto module = lir::read_image(fast->image->bytes());
      ASSERT_TRUE(module) << module.error().to_string();
      ASSERT_EQ(module->states.size(), 2u);
      EXPECT_EQ(module->inputs[module->states[0].input].name, "keys");
      EXPECT_EQ(module->inputs[module->states[1].input].name, "sum");
      for (const lir::StatePair& pair : module->states) {
        const std::uint32_t next = module->outputs[pair.output].value;
        EXPECT_EQ(module->values[next].storage, lir::Storage::kOutput) << "written straight to the state";
        EXPECT_EQ(module->plan->places[next].arena, RLX_NO_INDEX);
      }
    }
  }
}

TEST(State, MoreNewRowsThanRoomIsRefusedWhenSizesAreBound) {
  Specializer specializer(std::make_shared<const Graph>(cache()), takes_all());
  const auto refused = specializer.specialize({{"b", 1}, {"s", 6}, {"c", 5}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConstraintViolated) << refused.error().message();
}

}  // namespace
}  // namespace rlx::test
