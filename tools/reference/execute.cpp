// SPDX-License-Identifier: Apache-2.0
// rlx.execute/1: checks every view, interprets, then writes the outputs. Results are made apart, so that a
// failed run leaves the outputs as they were.
#include <time.h>

#include "tools/reference/guard.h"
#include "tools/reference/objects.h"

namespace rlx_reference {
namespace {

int32_t create(rlx_executable* executable, const rlx_context_create_in* in, rlx_context_create_out* out,
               rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!executable) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "context: the executable is null");
    rlx_context_create_in own;
    RLX_STATUS_TRY(read_in(own, in, "context", error));
    RLX_STATUS_TRY(check_out(out, sizeof(rlx_context_create_out), "context", error));
    if (own.arena_count)
      return refuse(error, RLX_STATUS_INVALID_ARGUMENT,
                    rlx::join("context: ", own.arena_count, " arenas, wanted none"), own.arena_count);
    return write_out(out,
                     rlx_context_create_out{sizeof(rlx_context_create_out), 0, new rlx_context{executable}});
  });
}

void destroy(rlx_context* context) { delete context; }

/// One tensor of a run: what the image says of it, and the caller's memory.
struct Tensor {
  const rlx::lir::Io& io;
  const rlx::lir::Value& value;
  std::byte* data = nullptr;
  uint64_t bytes = 0;
};

int32_t bind(Tensor& tensor, const rlx_device* device, const rlx_view& view, uint32_t index, const char* kind,
             rlx_error* error) {
  const auto bad = [&](const std::string& why) {
    return refuse(error, RLX_STATUS_INVALID_ARGUMENT,
                  rlx::join("execute: ", kind, " ", index, " `", tensor.io.name, "` ", why), index);
  };
  const auto& dims = tensor.value.dims;
  if (view.dtype != static_cast<uint32_t>(tensor.value.dtype))
    return bad(rlx::join("has dtype ", view.dtype, ", wanted ", static_cast<uint32_t>(tensor.value.dtype)));
  if (view.rank != dims.size() || (view.rank && !view.dims))
    return bad(rlx::join("has rank ", view.rank, ", wanted ", dims.size()));
  int64_t dense = 1;
  for (uint32_t axis = view.rank; axis-- > 0;) {
    if (view.dims[axis] != dims[axis].number())
      return bad(
          rlx::join("has size ", view.dims[axis], " along axis ", axis, ", wanted ", dims[axis].number()));
    if (view.strides && view.dims[axis] > 1 && view.strides[axis] != dense)
      return bad(rlx::join("has stride ", view.strides[axis], " along axis ", axis, ", wanted ", dense));
    dense *= view.dims[axis];
  }
  tensor.bytes = static_cast<uint64_t>(dense) * rlx::dtype_bytes(tensor.value.dtype);
  if (tensor.bytes && view.bytes < tensor.bytes)
    return bad(rlx::join("has ", view.bytes, " bytes, wanted ", tensor.bytes));
  tensor.data = static_cast<std::byte*>(view.host);
  if (!view.host && view.buffer) {
    if (view.buffer->device != device) return bad("is a buffer of another device");
    if (view.offset > view.buffer->size || tensor.bytes > view.buffer->size - view.offset)
      return bad("leaves its buffer");
    tensor.data = view.buffer->bytes + view.offset;
  }
  if (tensor.bytes && !tensor.data) return bad("has no memory");
  if (tensor.bytes && reinterpret_cast<uintptr_t>(tensor.data) % rlx::dtype_bytes(tensor.value.dtype))
    return bad("is not aligned to its element");
  return RLX_STATUS_OK;
}

bool overlap(const Tensor& a, const Tensor& b) {
  return a.bytes && b.bytes && a.data < b.data + b.bytes && b.data < a.data + a.bytes;
}

/// Outputs overlap nothing but their state pair, which they are.
int32_t check_overlap(const rlx::lir::Module& module, const std::vector<Tensor>& inputs,
                      const std::vector<Tensor>& outputs, rlx_error* error) {
  const auto pair = [&](std::size_t input, std::size_t output) {
    for (const rlx::lir::StatePair& state : module.states)
      if (state.input == input && state.output == output) return true;
    return false;
  };
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const bool paired = pair(i, o);
      if (paired ? outputs[o].bytes && inputs[i].data != outputs[o].data : overlap(inputs[i], outputs[o]))
        return refuse(error, RLX_STATUS_INVALID_ARGUMENT,
                      rlx::join("execute: output ", o, " `", outputs[o].io.name,
                                paired ? "` must be the memory of input " : "` overlaps input ", i),
                      o);
    }
    for (std::size_t other = 0; other < o; ++other)
      if (overlap(outputs[o], outputs[other]))
        return refuse(error, RLX_STATUS_INVALID_ARGUMENT,
                      rlx::join("execute: output ", o, " `", outputs[o].io.name, "` overlaps output ", other),
                      o);
  }
  return RLX_STATUS_OK;
}

int32_t bind_all(const rlx_executable& executable, const std::vector<rlx::lir::Io>& ios,
                 const rlx_view* views, uint32_t count, uint32_t stride, const char* kind,
                 std::vector<Tensor>& out, rlx_error* error) {
  if (count != ios.size() || (count && (!views || stride < sizeof(rlx_view))))
    return refuse(error, RLX_STATUS_INVALID_ARGUMENT,
                  rlx::join("execute: ", count, " ", kind, "s or their stride, wanted ", ios.size()), count);
  for (uint32_t n = 0; n < count; ++n) {
    out.push_back({ios[n], executable.program.module().values[ios[n].value]});
    RLX_STATUS_TRY(bind(out.back(), executable.device, row_at(views, stride, n), n, kind, error));
  }
  return RLX_STATUS_OK;
}

int32_t bind_params(const rlx_executable& executable, const rlx_param_set* set, std::vector<rlx::Bytes>& out,
                    rlx_error* error) {
  const auto& params = executable.program.module().params;
  if (params.empty()) return RLX_STATUS_OK;
  if (!set || set->device != executable.device)
    return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "execute: the param set is null or of another device");
  auto* open = const_cast<rlx_param_set*>(set);  // for its lock alone
  const std::lock_guard lock(open->mutex);
  if (!set->sealed || !set->prepared.count(&executable))
    return refuse(error, RLX_STATUS_FAILED_PRECONDITION,
                  "execute: the param set is not sealed, or not prepared for this executable");
  for (const rlx::lir::ParamRef& param : params) {
    const Source& source = *set->entries[param.set_index];
    out.push_back({source.data, source.bytes});
  }
  return RLX_STATUS_OK;
}

uint64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(time.tv_nsec);
}

int32_t status_of(rlx::ErrorCode code) {
  switch (code) {
    case rlx::ErrorCode::kDataError:
      return RLX_STATUS_DATA_ERROR;
    case rlx::ErrorCode::kCancelled:
      return RLX_STATUS_CANCELLED;
    case rlx::ErrorCode::kDeadline:
      return RLX_STATUS_DEADLINE;
    case rlx::ErrorCode::kOutOfMemory:
      return RLX_STATUS_OUT_OF_MEMORY;
    default:
      return RLX_STATUS_INTERNAL;
  }
}

rlx::Status ask(const rlx_call& call) {
  if (call.poll && call.poll(call.user, -1))
    return rlx::Error(rlx::ErrorCode::kCancelled, "stopped by the caller");
  if (call.deadline_ns && now_ns() >= call.deadline_ns)
    return rlx::Error(rlx::ErrorCode::kDeadline, "past its deadline");
  return {};
}

int32_t execute(rlx_context* context, const rlx_execute_in* in, void*, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!context) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "execute: the context is null");
    rlx_execute_in own;
    RLX_STATUS_TRY(read_in(own, in, "execute", error));
    rlx_call call{};
    if (own.call) RLX_STATUS_TRY(read_in(call, own.call, "rlx_call", error));
    const rlx_executable& executable = *context->executable;
    const rlx::lir::Module& module = executable.program.module();
    std::vector<Tensor> inputs, outputs;
    RLX_STATUS_TRY(bind_all(executable, module.inputs, own.inputs, own.input_count, own.input_stride, "input",
                            inputs, error));
    RLX_STATUS_TRY(bind_all(executable, module.outputs, own.outputs, own.output_count, own.output_stride,
                            "output", outputs, error));
    RLX_STATUS_TRY(check_overlap(module, inputs, outputs, error));
    rlx::reference::RunMemory memory;
    for (const Tensor& input : inputs) memory.inputs.push_back({input.data, input.bytes});
    RLX_STATUS_TRY(bind_params(executable, own.params, memory.params, error));
    rlx::reference::RunOptions options;
    options.bounds = executable.options.bound;
    options.composites_by_region = executable.options.region;
    options.poll = [&call] { return ask(call); };
    const bool both = executable.options.bound && !executable.options.worst;
    const auto results =
        both ? executable.program.run_bounds(memory, options) : executable.program.run(memory, options);
    if (!results)
      return refuse(error, status_of(results.error().code()), "execute: " + results.error().message(), 0,
                    rlx::reference::Program::failed_op());
    for (std::size_t n = 0; n < outputs.size(); ++n) {
      if (outputs[n].bytes == 0) continue;
      const rlx::reference::Tensor& result = *(*results)[n];
      if (executable.options.bound)
        write_bounds(result, outputs[n].data);
      else
        write_values(result, outputs[n].data);
    }
    return RLX_STATUS_OK;
  });
}

}  // namespace

const rlx_execute_1 kExecuteTable = {create, destroy, execute};

}  // namespace rlx_reference
