// SPDX-License-Identifier: Apache-2.0
// if, while, and any op that is nothing but its region.
#include "runtime/base/check.h"
#include "runtime/reference/call.h"

namespace rlx::reference {
namespace {

std::vector<TensorPtr> operands(const Call& call) {
  std::vector<TensorPtr> out;
  for (std::size_t n = 0; n < call.in.size(); ++n) out.push_back(call.has(n) ? call.load(n) : nullptr);
  return out;
}

void take(Call& call, const std::vector<TensorPtr>& results) {
  RLX_CHECK(results.size() >= call.out.size(), results.size(), " results of a region, wanted ",
            call.out.size());
  for (std::size_t n = 0; n < call.out.size(); ++n) call.out[n] = *results[n];
}

void doubt(Call& call) {
  for (Tensor& y : call.out) {
    y.need_bounds();
    std::fill(y.e.begin(), y.e.end(), kInfinity);
  }
}

}  // namespace

Status run_if(Call& call) {
  const TensorPtr pred = call.load(0);
  RLX_ASSIGN(const std::vector<TensorPtr> results, call.region(pred->i[0] ? 0 : 1, operands(call)));
  take(call, results);
  if (pred->bound(0) != 0) doubt(call);
  return {};
}

Status run_while(Call& call) {
  std::vector<TensorPtr> carried = operands(call);
  const std::int64_t limit = call.integer(RLX_ATTR_TRIP_COUNT, -1);
  bool sure = true;
  for (std::int64_t trip = 0; limit < 0 || trip < limit; ++trip) {
    RLX_ASSIGN(const std::vector<TensorPtr> go, call.region(0, carried));
    sure = sure && go.at(0)->bound(0) == 0;
    if (!go.at(0)->i[0]) break;
    RLX_ASSIGN(carried, call.region(1, carried));
    RLX_TRY(call.poll());
  }
  take(call, carried);
  if (!sure) doubt(call);
  return {};
}

Status run_region(Call& call) {
  const std::vector<TensorPtr> inputs = operands(call);
  RLX_ASSIGN(const std::vector<TensorPtr> results, call.region(0, inputs));
  take(call, results);
  if (!call.bounds) return {};
  // What comes in counts once, the region's own roundings twice: they are the difference to a run on exact
  // operands.
  std::vector<TensorPtr> exact;
  bool any = false;
  for (const TensorPtr& input : inputs) {
    any = any || (input && !input->e.empty());
    auto copy = input ? std::make_shared<Tensor>(*input) : nullptr;
    if (copy && copy->real()) copy->e.clear();
    exact.push_back(copy);
  }
  std::vector<TensorPtr> alone = results;
  if (any) {
    RLX_ASSIGN(alone, call.region(0, exact));
  }
  for (std::size_t n = 0; n < call.out.size(); ++n) {
    Tensor& y = call.out[n];
    if (!y.real() || alone[n]->e.empty()) continue;
    y.need_bounds();
    const Unit unit = call.unit(y.dtype);
    for (std::size_t at = 0; at < y.e.size(); ++at) y.e[at] = combined(unit, y.e[at], alone[n]->e[at]);
  }
  return {};
}

}  // namespace rlx::reference
