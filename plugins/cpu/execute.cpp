// SPDX-License-Identifier: Apache-2.0
// rlx.execute/1: contexts, the checks of every view before anything runs, and one fork per run.
#include "execute.h"

#include <algorithm>
#include <cinttypes>

#include "compile_executable.h"
#include "device.h"
#include "entry_guard.h"
#include "execute_team.h"
#include "params.h"

namespace rlx_cpu {
namespace {

constexpr double kAloneNs = 4000;   // a run of less work stays on the caller
constexpr double kShareNs = 2000;   // and no thread is asked for less than this
constexpr size_t kFewTensors = 24;  // so many are compared pair by pair

/// Bytes of one tensor of a run.
struct Extent {
  const char* begin;
  const char* end;
  uint32_t tensor;  // inputs, then outputs
};

}  // namespace
}  // namespace rlx_cpu

struct rlx_context {
  const rlx_executable* executable = nullptr;
  uint32_t thread_limit = 0;
  std::vector<rlx_cpu::View> views;
  std::vector<char*> inputs, outputs;
  std::vector<rlx_cpu::Extent> extents;
  char* inner = nullptr;
  uint64_t set_id = 0, set_generation = 0;  // what the param views point into
  const rlx_cpu::Prepared* prepared = nullptr;
  rlx_cpu::TeamRun team;
};

namespace rlx_cpu {
namespace {

char* arena_memory(const rlx_arena& arena) {
  if (arena.host != nullptr) return static_cast<char*>(arena.host);
  return arena.buffer != nullptr ? arena.buffer->host + arena.offset : nullptr;
}

int32_t check_arena(const rlx_executable& executable, const rlx_arena& arena, uint32_t index,
                    rlx_error* error) {
  const rlx_arena_info& wanted = executable.arenas[index];
  const auto refuse = [&](const char* what, uint64_t seen, uint64_t least) {
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, index,
                "context: arena %u %s %" PRIu64 ", wanted %" PRIu64, index, what, seen, least);
  };
  if (arena.bytes < wanted.bytes) return refuse("has bytes", arena.bytes, wanted.bytes);
  if (arena.host == nullptr && arena.buffer != nullptr) {
    if (arena.buffer->device != executable.device) return refuse("is a buffer of another device", 1, 0);
    if (arena.offset > arena.buffer->bytes || arena.bytes > arena.buffer->bytes - arena.offset) {
      return refuse("ends in its buffer at", arena.offset + arena.bytes, arena.buffer->bytes);
    }
  }
  const uint64_t address = reinterpret_cast<uint64_t>(arena_memory(arena));
  if (wanted.bytes != 0 && address == 0) return refuse("has memory at", 0, wanted.bytes);
  if (address % wanted.alignment != 0)
    return refuse("is aligned to", address % wanted.alignment, wanted.alignment);
  return RLX_STATUS_OK;
}

/// Addresses of everything that stays where it is for the life of the context.
void fix_views(rlx_context& context, const std::vector<char*>& arenas) {
  const rlx_executable& executable = *context.executable;
  for (size_t id = 0; id < executable.views.size(); ++id) {
    const ViewRecord& record = executable.views[id];
    View& view = context.views[id];
    view = record.view;
    if (record.root == Root::kConstant) view.data = executable.constants + record.offset;
    if (record.root == Root::kArena && record.index < arenas.size())
      view.data = arenas[record.index] + record.offset;
  }
}

int32_t context_create(rlx_executable* executable, const rlx_context_create_in* in,
                       rlx_context_create_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (executable == nullptr) return null_argument(error, "context: executable");
    rlx_context_create_in own;
    if (int32_t status = read_in(own, in, "context", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_context_create_out), "context", error)) return status;
    if (own.arena_count != executable->arenas.size()) {
      return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.arena_count,
                  "context: %u arenas, wanted %zu", own.arena_count, executable->arenas.size());
    }
    if (own.arena_count != 0 && (own.arenas == nullptr || own.arena_stride < sizeof(rlx_arena)))
      return null_argument(error, "context: the list of arenas (or its stride)");
    std::vector<char*> arenas;
    for (uint32_t i = 0; i < own.arena_count; ++i) {
      const rlx_arena arena = row_at(own.arenas, own.arena_stride, i);
      if (int32_t status = check_arena(*executable, arena, i, error)) return status;
      arenas.push_back(arena_memory(arena));
    }
    auto context = std::make_unique<rlx_context>();
    context->executable = executable;
    context->thread_limit = own.thread_limit;
    context->views.resize(executable->views.size());
    context->inputs.resize(executable->inputs.size());
    context->outputs.resize(executable->outputs.size());
    context->extents.resize(executable->inputs.size() + executable->outputs.size());
    if (executable->inner_arena < arenas.size()) context->inner = arenas[executable->inner_arena];
    fix_views(*context, arenas);
    const rlx_context_create_out result = {sizeof(rlx_context_create_out), 0, context.get()};
    context.release();
    return write_out(out, result);
  });
}

void context_destroy(rlx_context* context) { delete context; }

// ---- Views of a run
// -----------------------------------------------------------------------------------------------------

struct Tensor {
  const TensorInfo& info;
  const char* kind;
  uint32_t index;
};

__attribute__((noinline, cold, format(printf, 3, 4))) int32_t refuse_tensor(const Tensor& tensor,
                                                                            rlx_error* error,
                                                                            const char* format, ...) {
  char why[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(why, sizeof why, format, arguments);
  va_end(arguments);
  return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, tensor.index, "execute: %s %u \"%.150s\" %s",
              tensor.kind, tensor.index, tensor.info.name.c_str(), why);
}

__attribute__((noinline, cold)) int32_t refuse_dims(const Tensor& tensor, const rlx_view& view,
                                                    rlx_error* error) {
  char seen[110], wanted[110];
  const auto write = [](char* text, size_t bytes, uint32_t rank, const int64_t* dims) {
    size_t at = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < rank && i < RLX_MAX_RANK && at < bytes; ++i) {
      at += static_cast<size_t>(std::snprintf(text + at, bytes - at, i ? ", %" PRId64 : "%" PRId64, dims[i]));
    }
  };
  write(seen, sizeof seen, view.dims == nullptr ? 0 : view.rank, view.dims);
  write(wanted, sizeof wanted, tensor.info.rank, tensor.info.dims);
  return refuse_tensor(tensor, error, "has rank %u and dims [%s], wanted rank %u and [%s]", view.rank, seen,
                       tensor.info.rank, wanted);
}

bool dense_strides(const TensorInfo& info, const int64_t* strides) {
  int64_t stride = 1;
  for (uint32_t i = info.rank; i-- > 0;) {
    if (info.dims[i] > 1 && strides[i] != stride) return false;
    stride *= info.dims[i];
  }
  return true;
}

int32_t check_view(const rlx_context& context, const Tensor& tensor, const rlx_view& view, char** data,
                   rlx_error* error) {
  const TensorInfo& info = tensor.info;
  if (view.dtype != info.dtype)
    return refuse_tensor(tensor, error, "has dtype %u, wanted %u", view.dtype, info.dtype);
  if (view.rank != info.rank || (view.dims == nullptr && info.rank != 0))
    return refuse_dims(tensor, view, error);
  for (uint32_t i = 0; i < info.rank; ++i) {
    if (view.dims[i] != info.dims[i]) return refuse_dims(tensor, view, error);
  }
  if (view.bytes < info.bytes)
    return refuse_tensor(tensor, error, "has %" PRIu64 " bytes, wanted %" PRIu64, view.bytes, info.bytes);
  if (view.strides != nullptr && info.bytes != 0 && !dense_strides(info, view.strides)) {
    return refuse_tensor(tensor, error, "has strides that are not dense row-major");
  }
  *data = static_cast<char*>(view.host);
  if (view.host == nullptr && view.buffer != nullptr) {
    if (view.buffer->device != context.executable->device)
      return refuse_tensor(tensor, error, "is a buffer of another device");
    if (view.offset > view.buffer->bytes || view.bytes > view.buffer->bytes - view.offset) {
      return refuse_tensor(tensor, error, "ends at %" PRIu64 " of a buffer of %" PRIu64 " bytes",
                           view.offset + view.bytes, view.buffer->bytes);
    }
    *data = view.buffer->host + view.offset;
  }
  if (info.bytes == 0) return RLX_STATUS_OK;
  if (*data == nullptr) return refuse_tensor(tensor, error, "has no memory");
  if (reinterpret_cast<uintptr_t>(*data) % info.element_bytes != 0) {
    return refuse_tensor(tensor, error, "is not aligned to its element of %u bytes", info.element_bytes);
  }
  return RLX_STATUS_OK;
}

bool is_pair(const rlx_executable& executable, uint32_t a, uint32_t b) {
  const uint32_t inputs = static_cast<uint32_t>(executable.inputs.size());
  if (a > b) std::swap(a, b);
  return a < inputs && b >= inputs && executable.outputs[b - inputs].state_pair == a;
}

Tensor tensor_of(const rlx_executable& executable, uint32_t tensor) {
  const uint32_t inputs = static_cast<uint32_t>(executable.inputs.size());
  if (tensor < inputs) return {executable.inputs[tensor], "input", tensor};
  return {executable.outputs[tensor - inputs], "output", tensor - inputs};
}

int32_t check_pair(const rlx_executable& executable, const Extent& a, const Extent& b, rlx_error* error) {
  const uint32_t inputs = static_cast<uint32_t>(executable.inputs.size());
  if (a.end <= b.begin || b.end <= a.begin || (a.tensor < inputs && b.tensor < inputs)) return RLX_STATUS_OK;
  if (is_pair(executable, a.tensor, b.tensor) && a.begin == b.begin && a.end == b.end) return RLX_STATUS_OK;
  const Tensor output = tensor_of(executable, std::max(a.tensor, b.tensor));
  const Tensor other = tensor_of(executable, std::min(a.tensor, b.tensor));
  return refuse_tensor(output, error, "overlaps %s %u \"%.80s\"", other.kind, other.index,
                       other.info.name.c_str());
}

/// Outputs overlap nothing but their state pair, which they are equal to.
int32_t check_overlap(rlx_context& context, rlx_error* error) {
  const rlx_executable& executable = *context.executable;
  const uint32_t inputs = static_cast<uint32_t>(executable.inputs.size());
  size_t count = 0;
  for (uint32_t i = 0; i < inputs; ++i) {
    const TensorInfo& info = executable.inputs[i];
    if (info.state_pair != RLX_NO_INDEX && info.bytes != 0 &&
        context.inputs[i] != context.outputs[info.state_pair]) {
      return refuse_tensor(tensor_of(executable, inputs + info.state_pair), error,
                           "is the state of input %u \"%.80s\" and must be the same memory", i,
                           info.name.c_str());
    }
    if (info.bytes != 0) context.extents[count++] = {context.inputs[i], context.inputs[i] + info.bytes, i};
  }
  for (uint32_t i = 0; i < executable.outputs.size(); ++i) {
    const uint64_t bytes = executable.outputs[i].bytes;
    if (bytes != 0) context.extents[count++] = {context.outputs[i], context.outputs[i] + bytes, inputs + i};
  }
  if (count <= kFewTensors) {
    for (size_t a = 0; a < count; ++a) {
      for (size_t b = a + 1; b < count; ++b) {
        if (context.extents[b].tensor < inputs) continue;
        if (int32_t status = check_pair(executable, context.extents[a], context.extents[b], error))
          return status;
      }
    }
    return RLX_STATUS_OK;
  }
  const auto last = context.extents.begin() + static_cast<std::ptrdiff_t>(count);
  std::sort(context.extents.begin(), last,
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  for (size_t a = 0; a < count; ++a) {
    for (size_t b = a + 1; b < count && context.extents[b].begin < context.extents[a].end; ++b) {
      if (int32_t status = check_pair(executable, context.extents[a], context.extents[b], error))
        return status;
    }
  }
  return RLX_STATUS_OK;
}

bool bad_stride(uint32_t stride) { return stride < sizeof(rlx_view) || stride % alignof(rlx_view) != 0; }

int32_t bind_tensors(rlx_context& context, const rlx_execute_in& in, rlx_error* error) {
  const rlx_executable& executable = *context.executable;
  if (in.input_count != executable.inputs.size() || in.output_count != executable.outputs.size()) {
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, in.input_count,
                "execute: %u inputs and %u outputs, wanted %zu and %zu", in.input_count, in.output_count,
                executable.inputs.size(), executable.outputs.size());
  }
  if ((in.input_count != 0 && (in.inputs == nullptr || bad_stride(in.input_stride))) ||
      (in.output_count != 0 && (in.outputs == nullptr || bad_stride(in.output_stride)))) {
    return null_argument(error, "execute: a list of views (or its stride)");
  }
  for (uint32_t i = 0; i < in.input_count; ++i) {
    const rlx_view& view = *reinterpret_cast<const rlx_view*>(reinterpret_cast<const char*>(in.inputs) +
                                                              uint64_t(i) * in.input_stride);
    if (int32_t status =
            check_view(context, {executable.inputs[i], "input", i}, view, &context.inputs[i], error))
      return status;
  }
  for (uint32_t i = 0; i < in.output_count; ++i) {
    const rlx_view& view = *reinterpret_cast<const rlx_view*>(reinterpret_cast<const char*>(in.outputs) +
                                                              uint64_t(i) * in.output_stride);
    if (int32_t status =
            check_view(context, {executable.outputs[i], "output", i}, view, &context.outputs[i], error))
      return status;
  }
  if (int32_t status = check_overlap(context, error)) return status;
  for (const Binding& binding : executable.input_bindings)
    context.views[binding.view].data = context.inputs[binding.index] + binding.offset;
  for (const Binding& binding : executable.output_bindings)
    context.views[binding.view].data = context.outputs[binding.index] + binding.offset;
  return RLX_STATUS_OK;
}

int32_t bind_params(rlx_context& context, const rlx_param_set* set, rlx_error* error) {
  const rlx_executable& executable = *context.executable;
  if (!executable.reads_params) return RLX_STATUS_OK;
  if (set == nullptr) return null_argument(error, "execute: params");
  const uint64_t generation = set->generation.load(std::memory_order_acquire);
  if (set->id == context.set_id && generation == context.set_generation) return RLX_STATUS_OK;
  if (set->device != executable.device) {
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0,
                "execute: the param set belongs to another device");
  }
  if (!set->sealed.load(std::memory_order_acquire)) {
    return fail(error, RLX_STATUS_FAILED_PRECONDITION, RLX_NO_INDEX, 0,
                "execute: the param set is not sealed");
  }
  context.set_id = 0;
  rlx_param_set* const open =
      const_cast<rlx_param_set*>(set);  // for its lock; the set's contents stay as they are
  std::lock_guard lock(open->mutex);
  const auto found = open->prepared.find(executable.id);
  if (found == open->prepared.end()) {
    return fail(error, RLX_STATUS_FAILED_PRECONDITION, RLX_NO_INDEX, 0,
                "execute: the param set is not prepared for this executable");
  }
  context.prepared = found->second.get();
  for (const Binding& binding : executable.param_bindings) {
    char* data = static_cast<char*>(const_cast<void*>(context.prepared->params[binding.index]));
    context.views[binding.view].data = data == nullptr ? nullptr : data + binding.offset;
  }
  context.set_id = set->id;
  context.set_generation = open->generation.load(std::memory_order_relaxed);
  return RLX_STATUS_OK;
}

// ---- Runs
// ---------------------------------------------------------------------------------------------------------------

uint32_t wanted_threads(const rlx_context& context) {
  const rlx_executable& executable = *context.executable;
  if (executable.total_ns < kAloneNs || executable.saved_ns <= 0) return 1;
  uint32_t want = executable.threads;
  if (context.thread_limit != 0) want = std::min(want, context.thread_limit);
  return static_cast<uint32_t>(std::min<double>(want, executable.total_ns / kShareNs));
}

__attribute__((noinline, cold)) int32_t report(const Failure& failure, const CallWatch& watch,
                                               rlx_error* error) {
  if (failure.step == nullptr) return watch.fail(failure.status, "execute", error);
  const KernelStatus& kernel = failure.kernel;
  if (failure.status == RLX_STATUS_DATA_ERROR) {
    return fail(error, failure.status, failure.step->op_index, static_cast<uint64_t>(kernel.index),
                "execute: op %u (%s): value %" PRId64 " at position %" PRId64
                " is refused, the limit is %" PRId64,
                failure.step->op_index, failure.step->name, kernel.value, kernel.index, kernel.limit);
  }
  return fail(error, RLX_STATUS_INTERNAL, failure.step->op_index, static_cast<uint64_t>(kernel.index),
              "execute: op %u (%s): its kernel answered status %d (%" PRId64 ", %" PRId64 ", %" PRId64 ")",
              failure.step->op_index, failure.step->name, failure.status, kernel.index, kernel.value,
              kernel.limit);
}

/// `times` may be null; it gets a list for each thread of the run.
int32_t run_context(rlx_context* context, const rlx_execute_in* in, StepTimes* times, rlx_error* error) {
  if (context == nullptr) return null_argument(error, "execute: context");
  rlx_execute_in own;
  if (int32_t status = read_in(own, in, "execute", error)) return status;
  if (int32_t status = bind_tensors(*context, own, error)) return status;
  if (int32_t status = bind_params(*context, own.params, error)) return status;
  CallWatch watch;
  if (int32_t status = watch.open(own.call, "execute", error)) return status;
  const float* const* packs = context->prepared == nullptr ? nullptr : context->prepared->packs.data();
  const uint32_t threads = wanted_threads(*context);
  if (times != nullptr) times->resize(threads);
  context->team.run(*context->executable, {context->views.data(), packs, nullptr, context->inner}, threads, &watch,
                    times);
  const Failure& failure = context->team.failure();
  return failure.status == RLX_STATUS_OK ? RLX_STATUS_OK : report(failure, watch, error);
}

int32_t context_execute(rlx_context* context, const rlx_execute_in* in, void*, rlx_error* error) {
  return guarded(error, [&] { return run_context(context, in, nullptr, error); });
}

/// Writes what there is room for; returns how many there are.
uint64_t write_slices(const StepTimes& times, uint64_t begin_ns, const rlx_profile_execute_in& in) {
  uint64_t count = 0;
  for (size_t thread = 0; thread < times.size(); ++thread) {
    for (const StepTime& time : times[thread]) {
      if (count < in.capacity) {
        const rlx_profile_slice slice = {time.begin_ns - begin_ns, time.end_ns - begin_ns, time.op_index,
                                         static_cast<uint32_t>(thread)};
        memcpy(reinterpret_cast<char*>(in.slices) + count * in.stride, &slice, sizeof slice);
      }
      ++count;
    }
  }
  return count;
}

int32_t profile_execute(rlx_context* context, const rlx_profile_execute_in* in, rlx_profile_execute_out* out,
                        rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    rlx_profile_execute_in own;
    if (int32_t status = read_in(own, in, "profile", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_profile_execute_out), "profile", error)) return status;
    if (own.execute == nullptr) return null_argument(error, "profile: execute");
    if (own.capacity != 0 && (own.slices == nullptr || own.stride < sizeof(rlx_profile_slice)))
      return null_argument(error, "profile: the list of slices (or its stride)");
    StepTimes times;
    const uint64_t begin = monotonic_ns();
    if (int32_t status = run_context(context, own.execute, &times, error)) return status;
    return write_out(out, rlx_profile_execute_out{sizeof(rlx_profile_execute_out), 0, write_slices(times, begin, own)});
  });
}

}  // namespace

const rlx_execute_1 kExecuteTable = {context_create, context_destroy, context_execute};
const rlx_profile_1 kProfileTable = {profile_execute};

}  // namespace rlx_cpu
