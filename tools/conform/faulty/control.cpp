// SPDX-License-Identifier: Apache-2.0
// What if and while need to be answered for; execute.cpp runs them.
#include "kernels.h"
#include "objects.h"

namespace rlx_c0 {
namespace {

bool same_tensor(const View& a, const View& b) { return a.dtype == b.dtype && same_dims(a, b); }

/// A region whose parameters are the operands and whose first results are `results`; all its ops can be run.
Answer check_region(const Call& c, uint32_t which, const View* results, uint32_t count) {
  const Program& program = *c.program;
  const rlx_lir_region& region = program.region_of(*c.op, which);
  const uint32_t* params = program.pool(region.params, region.param_count);
  C0_NEED(region.param_count == c.in_count && region.result_count >= count,
          "a region has other parameters or results");
  for (uint32_t n = 0; n < c.in_count; ++n) {
    if (params[n] == RLX_NO_INDEX) continue;
    const Value& value = program.values[params[n]];
    C0_NEED(value.storage == RLX_LIR_STORAGE_REGION && same_tensor(value.view, c.in[n]),
            "a parameter of a region differs from its operand", n);
  }
  for (uint32_t n = 0; n < count; ++n)
    C0_NEED(
        same_tensor(program.values[program.pool(region.results, region.result_count)[n]].view, results[n]),
        "a result of a region differs");
  const OpViews room = {make<View>(program.most_operands), make<View>(program.most_results)};
  bool runs = room.in && room.out;
  for (uint32_t n = 0; runs && n < region.op_count; ++n)
    runs = judge(program, Options(), region.ops + n, room).verdict != RLX_VERDICT_UNSUPPORTED;
  release(room.in);
  release(room.out);
  C0_NEED(runs, "an op of a region cannot be run");
  return {};
}

}  // namespace

Answer check_if(const Call& c) {
  C0_NEED(c.in_count >= 1 && c.op->region_count == 2, "wrong number of operands or regions");
  for (uint32_t n = 0; n < c.in_count; ++n) C0_NEED(c.has(n), "an operand is absent", n);
  C0_NEED(c.in[0].dtype == RLX_DTYPE_BOOL && c.in[0].rank == 0, "the condition is no bool scalar", 0);
  for (uint32_t which = 0; which < 2; ++which) {
    const Answer answer = check_region(c, which, c.out, c.out_count);
    if (!answer.native()) return answer;
  }
  return {};
}

Answer check_while(const Call& c) {
  C0_NEED(c.in_count == c.out_count && c.op->region_count == 2, "wrong number of results or regions");
  for (uint32_t n = 0; n < c.in_count; ++n) {
    C0_NEED(c.has(n), "an operand is absent", n);
    C0_NEED(same_tensor(c.in[n], c.out[n]), "a result differs from what is carried", n);
  }
  View flag = {};
  flag.dtype = RLX_DTYPE_BOOL;
  const Answer answer = check_region(c, 0, &flag, 1);
  return answer.native() ? check_region(c, 1, c.out, c.out_count) : answer;
}

}  // namespace rlx_c0
