// SPDX-License-Identifier: Apache-2.0
// Runs lists of ops: the main graph's in the order of the image, and those of regions that control flow asks
// for.
#include "execute.h"
#include "kernels.h"

namespace rlx_c0 {
namespace {

struct Machine {
  rlx_context& context;
  const rlx_executable& executable;
  const Program& program;
  Watch* watch;
  rlx_error* error;

  View view(uint32_t id) const {
    const Value& value = program.values[id];
    View out = value.view;
    out.data =
        value.storage == RLX_LIR_STORAGE_VIEW ? context.data[value.index] + value.offset : context.data[id];
    return out;
  }

  int32_t run_list(uint32_t region) {
    const rlx_lir_region& list = program.region(region);
    for (uint32_t n = 0; n < list.op_count; ++n) C0_TRY(run_op(list.ops + n));
    return RLX_STATUS_OK;
  }

  int32_t run_op(uint32_t index) {
    const rlx_lir_op& op = program.op(index);
    if (executable.stage[index] != kNowhere) return run_regions(index, op);
    const uint32_t* operands = program.operands(op);
    for (uint32_t n = 0; n < op.operand_count; ++n) bind_operand(op, operands, n);
    for (uint32_t n = 0; n < op.result_count; ++n) context.out[n] = view(program.results(op)[n]);
    Refusal refusal = {0, 0};
    char* scratch = context.inner ? context.inner + executable.scratch : nullptr;
    const Call call = {&program,         &program.image,  &op,     index, context.in, context.out,
                       op.operand_count, op.result_count, scratch, watch, &refusal};
    const int32_t status = kernel_of(op)(call);
    if (status == RLX_STATUS_OK)
      return watch->tick(100) == RLX_STATUS_OK ? status : fail_stopped(watch->status, "execute", error);
    if (status != RLX_STATUS_DATA_ERROR) return fail_stopped(status, "execute", error);
    return fail(error, status, index, static_cast<uint64_t>(refusal.value),
                "execute: op %u (opcode %u): value %lld is refused, the limit is %lld", index, op.opcode,
                static_cast<long long>(refusal.value), static_cast<long long>(refusal.limit));
  }

  void bind_operand(const rlx_lir_op& op, const uint32_t* operands, uint32_t n) {
    View& in = context.in[n];
    if (operands[n] == RLX_NO_INDEX) {
      memset(static_cast<void*>(&in), 0, sizeof in);
      return;
    }
    in = view(operands[n]);
    const uint32_t pack = executable.operand_pack[op.operands + n];
    if (pack == RLX_NO_INDEX) return;
    in.data = context.prepared->packs[pack]->data;
    in.strides[0] = 1;
    in.strides[1] = in.dims[0];
  }

  /// A dense copy of a view.
  static void copy_dense(char* to, const View& from) {
    if (is_dense(from)) {
      const size_t bytes = static_cast<size_t>(count_of(from) * from.bytes);
      if (bytes && to != from.data) memmove(to, from.data, bytes);
      return;
    }
    for (Walk walk(from); walk.more; walk.next(), to += from.bytes)
      memcpy(to, element_at(from, walk.at), static_cast<size_t>(from.bytes));
  }

  // ---- Regions ----

  static uint64_t rounded(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

  /// Copies operands to the stage of the op, whose regions know them as dense.
  void stage_operands(uint32_t index, const rlx_lir_op& op) {
    char* at = context.inner + executable.stage[index];
    for (uint32_t n = 0; n < op.operand_count; ++n) {
      const uint32_t id = program.operands(op)[n];
      if (id == RLX_NO_INDEX) continue;
      copy_dense(at, view(id));
      at += rounded(program.values[id].bytes);
    }
  }

  /// Runs a region on what is staged. Its parameters are bound each time: equal regions are one, also of
  /// nested ops.
  int32_t run_region(uint32_t index, const rlx_lir_op& op, uint32_t which) {
    const rlx_lir_region& region = program.region_of(op, which);
    const uint32_t* params = program.pool(region.params, region.param_count);
    char* at = context.inner + executable.stage[index];
    for (uint32_t n = 0; n < op.operand_count; ++n) {
      const uint32_t id = program.operands(op)[n];
      if (id == RLX_NO_INDEX) continue;
      if (params[n] != RLX_NO_INDEX) context.data[params[n]] = at;
      at += rounded(program.values[id].bytes);
    }
    return run_list(program.pool(op.regions, op.region_count)[which]);
  }

  View result_of(const rlx_lir_region& region, uint32_t n) const {
    return view(program.pool(region.results, region.result_count)[n]);
  }

  void take_results(const rlx_lir_op& op, const rlx_lir_region& region) {
    for (uint32_t n = 0; n < op.result_count; ++n)
      copy_dense(view(program.results(op)[n]).data, result_of(region, n));
  }

  int32_t run_regions(uint32_t index, const rlx_lir_op& op) {
    stage_operands(index, op);
    if (is_control(op) && op.opcode == RLX_OP_WHILE) return run_while(index, op);
    const uint32_t which = is_control(op) && !*view(program.operands(op)[0]).data;
    C0_TRY(run_region(index, op, which));
    take_results(op, program.region_of(op, which));
    return RLX_STATUS_OK;
  }

  /// The carried values lie in the op's stage; what a turn makes goes through the op's results, as it may
  /// show old values.
  int32_t run_while(uint32_t index, const rlx_lir_op& op) {
    const int64_t limit = rlx_lir_attr_i64(&program.image, &op, RLX_ATTR_TRIP_COUNT, -1);
    for (int64_t trip = 0; limit < 0 || trip < limit; ++trip) {
      C0_TRY(run_region(index, op, 0));
      if (!*result_of(program.region_of(op, 0), 0).data) break;
      C0_TRY(run_region(index, op, 1));
      take_results(op, program.region_of(op, 1));
      carry(index, op, true);
      if (watch->tick(1 << 12) != RLX_STATUS_OK) return fail_stopped(watch->status, "execute", error);
    }
    carry(index, op, false);
    return RLX_STATUS_OK;
  }

  void carry(uint32_t index, const rlx_lir_op& op, bool to_stage) {
    char* at = context.inner + executable.stage[index];
    for (uint32_t n = 0; n < op.result_count; ++n) {
      const View result = view(program.results(op)[n]);
      const size_t bytes = static_cast<size_t>(program.values[program.results(op)[n]].bytes);
      if (bytes) memcpy(to_stage ? at : result.data, to_stage ? result.data : at, bytes);
      at += rounded(bytes);
    }
  }

  // ---- Outputs ----

  bool in_place(uint32_t output) const {
    const Value& value = program.values[program.at<rlx_lir_io>(RLX_LIR_OUTPUTS, output).value];
    return value.storage == RLX_LIR_STORAGE_OUTPUT && value.index == output;
  }

  /// State last: until then other outputs may show what it was.
  void finish() {
    const uint32_t inputs = program.count(RLX_LIR_INPUTS), outputs = program.count(RLX_LIR_OUTPUTS);
    const auto source = [&](uint32_t n) { return view(program.at<rlx_lir_io>(RLX_LIR_OUTPUTS, n).value); };
    for (uint32_t n = 0; n < outputs; ++n)
      if (executable.output_stage[n] != kNowhere && !in_place(n))
        copy_dense(context.inner + executable.output_stage[n], source(n));
    for (uint32_t n = 0; n < outputs; ++n)
      if (executable.output_stage[n] == kNowhere && !in_place(n))
        copy_dense(context.tensors[inputs + n].data, source(n));
    for (uint32_t n = 0; n < outputs; ++n) {
      const Tensor& tensor = context.tensors[inputs + n];
      if (executable.output_stage[n] != kNowhere && tensor.bytes)
        memcpy(tensor.data, context.inner + executable.output_stage[n], tensor.bytes);
    }
  }
};

}  // namespace

int32_t run_program(rlx_context* context, Watch* watch, rlx_error* error) {
  Machine machine = {*context, *context->executable, context->executable->program, watch, error};
  C0_TRY(machine.run_list(0));
  machine.finish();
  return RLX_STATUS_OK;
}

}  // namespace rlx_c0
