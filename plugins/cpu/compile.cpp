// SPDX-License-Identifier: Apache-2.0
// rlx.compile/1: image to executable. Nothing here depends on weights, and nothing is generated: kernels take
// sizes.
#include "compile.h"

#include <algorithm>
#include <cstring>

#include "compile_builder.h"
#include "compile_outputs.h"
#include "device.h"
#include "entry_guard.h"
#include "entry_options.h"
#include "execute_call.h"

rlx_executable::~rlx_executable() { rlx_cpu::free_memory(constants); }

namespace rlx_cpu {
namespace {

TensorInfo tensor_info(const ImageGraph& graph, const rlx_lir_io& io) {
  const GraphValue& value = graph.value(io.value);
  TensorInfo info;
  info.name = graph.text(io.name);
  info.dtype = value.view.dtype;
  info.rank = value.view.rank;
  std::copy(value.view.dims, value.view.dims + value.view.rank, info.dims);
  info.bytes = value.byte_size;
  info.element_bytes = std::max(1u, rlx_dtype_bytes(value.view.dtype));
  return info;
}

void read_tables(const ImageGraph& graph, rlx_executable& out) {
  for (uint32_t i = 0; i < graph.count(RLX_LIR_INPUTS); ++i)
    out.inputs.push_back(tensor_info(graph, graph.input(i)));
  for (uint32_t i = 0; i < graph.count(RLX_LIR_OUTPUTS); ++i)
    out.outputs.push_back(tensor_info(graph, graph.output(i)));
  for (uint32_t i = 0; i < graph.count(RLX_LIR_STATE); ++i) {
    const rlx_lir_state& pair = graph.state(i);
    out.inputs[pair.input].state_pair = pair.output;
    out.outputs[pair.output].state_pair = pair.input;
  }
  for (uint32_t i = 0; i < graph.count(RLX_LIR_PARAMS); ++i) {
    const rlx_lir_param& record = graph.param(i);
    const View& view = graph.value(record.value).view;
    ParamInfo param;
    param.name = graph.text(record.name);
    param.set_index = record.set_index;
    param.dtype = view.dtype;
    param.rank = view.rank;
    std::copy(view.dims, view.dims + view.rank, param.dims);
    out.params.push_back(std::move(param));
  }
}

int32_t read_constants(const ImageGraph& graph, rlx_executable& out, rlx_error* error) {
  const uint64_t bytes = rlx_lir_count(&graph.image(), RLX_LIR_CONSTANTS);
  if (bytes == 0) return RLX_STATUS_OK;
  out.constants = static_cast<char*>(aligned_memory(bytes, 64));
  if (out.constants == nullptr)
    return fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, bytes, "compile: no memory for constants");
  std::memcpy(out.constants, rlx_lir_range(&graph.image(), RLX_LIR_CONSTANTS, 0, bytes), bytes);
  return RLX_STATUS_OK;
}

void list_bindings(rlx_executable& out) {
  for (uint32_t id = 0; id < out.views.size(); ++id) {
    const ViewRecord& view = out.views[id];
    const Binding binding{id, view.index, view.offset};
    if (view.root == Root::kInput) out.input_bindings.push_back(binding);
    if (view.root == Root::kOutput) out.output_bindings.push_back(binding);
    if (view.root == Root::kParam) out.param_bindings.push_back(binding);
  }
  for (const ParamInfo& param : out.params) out.reads_params = out.reads_params || param.used;
}

void list_arenas(const ImageGraph& graph, rlx_executable& out) {
  if (graph.planned()) {
    for (uint32_t i = 0; i < graph.count(RLX_LIR_ARENAS); ++i) {
      out.arenas.push_back({graph.arena(i).bytes, graph.arena(i).alignment, graph.arena(i).space});
    }
    out.plan = RLX_PLAN_FOLLOWED;
  }
  const uint64_t inner = out.temp_bytes + out.scratch_bytes * out.threads;
  if (inner != 0) out.arenas.push_back({inner, 64, RLX_SPACE_DEVICE});
}

void sign_packs(rlx_executable& out) {
  rlx_hash128 hash = {1, 1};
  for (const PackRecipe& recipe : out.packs) {
    hash = quick_hash(&recipe.k, sizeof recipe.k, hash);
    for (const PackPartRecipe& part : recipe.parts) {
      const uint64_t words[] = {out.params[part.param].set_index, part.byte_offset,
                                static_cast<uint64_t>(part.stride_k), static_cast<uint64_t>(part.stride_n),
                                static_cast<uint64_t>(part.n)};
      hash = quick_hash(words, sizeof words, hash);
      hash = quick_hash(&part.alpha, sizeof part.alpha, hash);
    }
  }
  out.pack_key = hash;
}

int32_t refuse_op(const ImageGraph& graph, uint32_t index, const Answer& answer, rlx_error* error) {
  const GraphOp& op = graph.op(index);
  return fail(error, RLX_STATUS_UNSUPPORTED, index, answer.operand, "compile: op %u (%s): %s", index,
              opcode_name(op.record->opcode), answer.reason);
}

}  // namespace

int32_t make_executable(rlx_device* device, const rlx_compile_in& in, std::unique_ptr<rlx_executable>* made,
                        rlx_error* error) {
  CallWatch watch;
  if (int32_t status = watch.open(in.call, "compile", error)) return status;
  ImageGraph graph;
  if (int32_t status = graph.open(in.image, in.image_bytes, error)) return status;
  uint32_t threads = device->plugin->threads.concurrency;
  if (in.thread_limit != 0) threads = std::min(threads, in.thread_limit);
  Builder builder(graph, threads);
  read_tables(graph, builder.out());
  for (const auto* tensors : {&builder.out().inputs, &builder.out().outputs}) {
    for (const TensorInfo& tensor : *tensors) {
      if (rlx_dtype_bytes(tensor.dtype) == 0) {
        return fail(error, RLX_STATUS_UNSUPPORTED, RLX_NO_INDEX, tensor.dtype,
                    "compile: tensor \"%.200s\" has dtype %u", tensor.name.c_str(), tensor.dtype);
      }
    }
  }
  redirect_unsafe_outputs(builder);
  const rlx_lir_region main = graph.region(0);
  for (uint32_t index = main.ops; index < main.ops + main.op_count; ++index) {
    const Answer answer = builder.compile_op(index);
    if (!answer.native()) return refuse_op(graph, index, answer, error);
    if (int32_t status = watch.check()) return watch.fail(status, "compile", error);
  }
  copy_outputs(builder);
  std::unique_ptr<rlx_executable> out = builder.take();
  out->device = device;
  out->id = unique_id();
  out->token = std::make_shared<const int>(0);
  out->threads = threads;
  out->total_ns = builder.total_ns();
  out->saved_ns = builder.saved_ns();
  if (int32_t status = read_constants(graph, *out, error)) return status;
  list_bindings(*out);
  list_arenas(graph, *out);
  sign_packs(*out);
  out->code_bytes = sizeof(rlx_executable) + out->views.size() * sizeof(ViewRecord) +
                    out->program.steps.size() * (sizeof(Step) + 128);
  *made = std::move(out);
  return RLX_STATUS_OK;
}

namespace {

int32_t device_compile(rlx_device* device, const rlx_compile_in* in, rlx_compile_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (device == nullptr) return null_argument(error, "compile: device");
    rlx_compile_in own;
    if (int32_t status = read_in(own, in, "compile", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_compile_out), "compile", error)) return status;
    if (int32_t status = check_options(own.options, own.option_count, own.option_stride, kScopeCompile, "compile", error))
      return status;
    std::unique_ptr<rlx_executable> made;
    if (int32_t status = make_executable(device, own, &made, error)) return status;
    const rlx_compile_out result = {sizeof(rlx_compile_out), 0, made.release()};
    return write_out(out, result);
  });
}

void executable_destroy(rlx_executable* executable) { delete executable; }

int32_t executable_info(rlx_executable* executable, const void* in, rlx_executable_info_out* out,
                        rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (executable == nullptr) return null_argument(error, "executable_info: executable");
    if (int32_t status = read_no_in(in, "executable_info", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_executable_info_out), "executable_info", error))
      return status;
    rlx_executable_info_out result{};
    result.plan = executable->plan;
    result.arenas = executable->arenas.data();
    result.arena_count = static_cast<uint32_t>(executable->arenas.size());
    result.arena_stride = sizeof(rlx_arena_info);
    result.code_bytes = executable->code_bytes;
    result.pack_key_low = executable->pack_key.low;
    result.pack_key_high = executable->pack_key.high;
    return write_out(out, result);
  });
}

}  // namespace

const rlx_compile_1 kCompileTable = {device_claims, device_query_support, device_compile, executable_destroy,
                                     executable_info};

}  // namespace rlx_cpu
