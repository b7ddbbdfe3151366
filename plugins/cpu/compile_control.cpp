// SPDX-License-Identifier: Apache-2.0
// Compiles if and while: their regions become lists of steps that all threads walk together.
#include "compile_ops.h"

namespace rlx_cpu {
namespace {

bool same_tensor(const View& a, const View& b) { return a.dtype == b.dtype && same_dims(a, b); }

/// Compiles a region and copies its results to `targets` at the end of its list.
Answer region_into(Builder& b, uint32_t op_index, uint32_t region, const std::vector<ViewId>& arguments,
                   const std::vector<ViewId>& targets, bool may_alias, StepList* list) {
  std::vector<ViewId> results;
  Answer answer = b.region(region, arguments, list, &results, [&] {
    if (results.size() != targets.size())
      return refuse("region %u has %zu results, wanted %zu", region, results.size(), targets.size());
    for (size_t i = 0; i < results.size(); ++i) {
      if (!same_tensor(b.view(results[i]), b.view(targets[i])))
        return refuse("region %u: result %zu has other dims or dtype than wanted", region, i);
    }
    // A result may be another target's old value: then all are saved before any is overwritten.
    if (may_alias) {
      for (ViewId& result : results) {
        const View view = b.view(result);
        const ViewId saved = b.temp(view.dtype, view.rank, view.dims);
        b.copy_step(result, saved, op_index);
        result = saved;
      }
    }
    for (size_t i = 0; i < results.size(); ++i) b.copy_step(results[i], targets[i], op_index);
    return Answer{};
  });
  return answer;
}

std::optional<Answer> check_operands(OpContext& c, uint32_t least) {
  if (c.operands() < least) return refuse("%s has %u operands, wanted %u", c.name(), c.operands(), least);
  for (uint32_t i = 0; i < c.operands(); ++i) {
    if (!c.present(i)) return c.about(i, "is absent");
  }
  if (c.op().record->region_count != 2)
    return refuse("%s has %u regions, wanted 2", c.name(), c.op().record->region_count);
  return std::nullopt;
}

}  // namespace

Answer compile_if(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(check_operands(c, 1));
  if (c.x(0).dtype != RLX_DTYPE_BOOL || element_count(c.x(0)) != 1) return c.about(0, "is no bool scalar");
  std::vector<ViewId> arguments, targets;
  for (uint32_t i = 0; i < c.operands(); ++i) arguments.push_back(b.dense(c.in(i), c.index()));
  for (uint32_t i = 0; i < c.results(); ++i) targets.push_back(c.out(i));
  Step step;
  step.condition = arguments[0];
  step.first = std::make_unique<StepList>();
  step.second = std::make_unique<StepList>();
  Answer answer = region_into(b, c.index(), op.regions[0], arguments, targets, false, step.first.get());
  if (answer.native())
    answer = region_into(b, c.index(), op.regions[1], arguments, targets, false, step.second.get());
  if (answer.native()) b.control(std::move(step), c.index());
  return answer;
}

Answer compile_while(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(check_operands(c, 0));
  if (c.results() != c.operands())
    return refuse("while has %u results, wanted %u", c.results(), c.operands());
  std::vector<ViewId> carried;
  for (uint32_t i = 0; i < c.operands(); ++i) {
    const View view = c.x(i);
    if (!same_tensor(view, c.y(i))) return c.wrong_dims();
    carried.push_back(b.temp(view.dtype, view.rank, view.dims));
    b.copy_step(c.in(i), carried.back(), c.index());
  }
  const ViewId condition = b.temp(RLX_DTYPE_BOOL, 0, nullptr);
  Step step;
  step.loop = true;
  step.trips = c.i64(RLX_ATTR_TRIP_COUNT, -1);
  if (step.trips < -1) return c.about_attr(RLX_ATTR_TRIP_COUNT, "is negative");
  step.condition = condition;
  step.first = std::make_unique<StepList>();
  step.second = std::make_unique<StepList>();
  Answer answer = region_into(b, c.index(), op.regions[0], carried, {condition}, false, step.first.get());
  if (answer.native())
    answer = region_into(b, c.index(), op.regions[1], carried, carried, true, step.second.get());
  if (!answer.native()) return answer;
  b.control(std::move(step), c.index());
  for (uint32_t i = 0; i < c.operands(); ++i) b.copy_step(carried[i], c.out(i), c.index());
  return {};
}

}  // namespace rlx_cpu
