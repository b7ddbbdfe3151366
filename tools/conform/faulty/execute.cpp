// SPDX-License-Identifier: Apache-2.0
// rlx.execute/1: contexts, the checks of every view before anything runs, and one op after the other on the
// caller's thread.
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#if RLX_FAULT == 206 || RLX_FAULT == 209
#include <fcntl.h>
#include <unistd.h>
#endif

#include "execute.h"

namespace rlx_c0 {

int32_t Watch::ask() {
#if RLX_FAULT == 86  // cancel-ignored
  if (call && call->poll) RLX_REACHED();
  return RLX_STATUS_OK;
#endif
  if (!call || status != RLX_STATUS_OK) return status;
  if (call->deadline_ns) {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t now_ns =
        static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
#if RLX_FAULT == 127  // deadline-ignored
    RLX_REACHED();
#else
    if (now_ns >= call->deadline_ns) return status = RLX_STATUS_DEADLINE;
#endif
  }
  if (call->poll && call->poll(call->user, -1)) status = RLX_STATUS_CANCELLED;
  return status;
}

int32_t fail_stopped(int32_t status, const char* what, rlx_error* error) {
  return fail(error, status, RLX_NO_INDEX, 0, "%s: %s", what,
              status == RLX_STATUS_DEADLINE ? "the deadline has passed" : "asked to stop");
}

int32_t open_watch(Watch* watch, rlx_call* own, const rlx_call* call, const char* what, rlx_error* error) {
  if (!call) return RLX_STATUS_OK;
  C0_TRY(read_in(own, call, what, error));
  watch->call = own;
  const int32_t status = watch->ask();
  return status == RLX_STATUS_OK ? status : fail_stopped(status, what, error);
}

namespace {

// ---- Contexts
// -----------------------------------------------------------------------------------------------------------

int32_t check_arena(const rlx_executable& executable, const rlx_arena& arena, uint32_t index, char** data,
                    rlx_error* error) {
  const rlx_arena_info& wanted = executable.arenas[index];
  const auto bad = [&](const char* why) {
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, index,
                "context: arena %u %s, wanted %llu bytes aligned to %u", index, why,
                static_cast<unsigned long long>(wanted.bytes), wanted.alignment);
  };
  if (arena.bytes < wanted.bytes) return bad("is too small");
  *data = static_cast<char*>(arena.host);
  if (!arena.host && arena.buffer) {
    if (arena.buffer->device != executable.device) return bad("is a buffer of another device");
    if (arena.offset > arena.buffer->bytes || arena.bytes > arena.buffer->bytes - arena.offset)
      return bad("leaves its buffer");
    *data = arena.buffer->data + arena.offset;
  }
  if (wanted.bytes && !*data) return bad("has no memory");
  if (reinterpret_cast<uintptr_t>(*data) % wanted.alignment) return bad("is misaligned");
  return RLX_STATUS_OK;
}

void context_destroy(rlx_context* context) {
  if (!context) return;
  release(context->arenas);
  release(context->data);
  release(context->in);
  release(context->out);
  release(context->tensors);
  release(context);
}

rlx_context* new_context(rlx_executable* executable) {
  const Program& program = executable->program;
  rlx_context* context = make<rlx_context>();
  if (!context) return nullptr;
  context->executable = executable;
  context->arenas = make<char*>(executable->arena_count);
  context->data = make<char*>(program.value_count);
  context->in = make<View>(program.most_operands);
  context->out = make<View>(program.most_results);
  context->tensors = make<Tensor>(uint64_t{program.count(RLX_LIR_INPUTS)} + program.count(RLX_LIR_OUTPUTS));
  if (context->arenas && context->data && context->in && context->out && context->tensors) return context;
  context_destroy(context);
  return nullptr;
}

/// Addresses of what stays where it is for the life of the context.
void fix_data(rlx_context* context) {
  const rlx_executable& executable = *context->executable;
  const Program& program = executable.program;
  if (executable.inner_arena != RLX_NO_INDEX) context->inner = context->arenas[executable.inner_arena];
  for (uint32_t id = 0; id < program.value_count; ++id) {
    const Value& value = program.values[id];
    if (value.storage == RLX_LIR_STORAGE_CONSTANT && value.bytes)
      context->data[id] = const_cast<char*>(static_cast<const char*>(
          rlx_lir_range(&program.image, RLX_LIR_CONSTANTS, value.offset, value.bytes)));
    if (executable.home[id] != kNowhere) context->data[id] = context->inner + executable.home[id];
    if (value.storage != RLX_LIR_STORAGE_TEMP || executable.plan != RLX_PLAN_FOLLOWED) continue;
    const rlx_lir_place& place = program.at<rlx_lir_place>(RLX_LIR_PLACES, id);
    if (place.arena != RLX_NO_INDEX) context->data[id] = context->arenas[place.arena] + place.offset;
  }
}

int32_t context_create(rlx_executable* executable, const rlx_context_create_in* in,
                       rlx_context_create_out* out, rlx_error* error) {
  C0_WANT(executable, "context: the executable");
  rlx_context_create_in own;
  C0_TRY(read_in(&own, in, "context", error));
  C0_TRY(check_out(out, sizeof(rlx_context_create_out), "context", error));
  if (own.arena_count != executable->arena_count)
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.arena_count,
                "context: %u arenas, wanted %u", own.arena_count, executable->arena_count);
  if (own.arena_count && (!own.arenas || own.arena_stride < sizeof(rlx_arena)))
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.arena_stride,
                "context: arenas are null, or their stride is %u", own.arena_stride);
  rlx_context* context = new_context(executable);
  if (!context) return fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, 0, "context: no memory");
  for (uint32_t n = 0; n < own.arena_count; ++n) {
    const int32_t status =
        check_arena(*executable, row_at(own.arenas, own.arena_stride, n), n, &context->arenas[n], error);
    if (status == RLX_STATUS_OK) continue;
    context_destroy(context);
    return status;
  }
#if RLX_FAULT == 103  // first-arena-captured
  FaultNote* first = fault_note(executable->id);
  for (uint32_t n = 0; n < own.arena_count && n < 6; ++n) {
    if (first->word[n] == 0) first->word[n] = reinterpret_cast<uint64_t>(context->arenas[n]);
    if (first->word[n] != reinterpret_cast<uint64_t>(context->arenas[n])) RLX_REACHED();
    context->arenas[n] = reinterpret_cast<char*>(first->word[n]);
  }
#endif
  fix_data(context);
#if RLX_FAULT == 209  // descriptor-per-context
  if (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) RLX_REACHED();
#endif
  return write_out(out, rlx_context_create_out{sizeof(rlx_context_create_out), 0, context});
}

// ---- The caller's tensors
// -------------------------------------------------------------------------------------------------

/// "[2, 3]"
struct DimsText {
  char text[24 * RLX_MAX_RANK + 3];
  DimsText(uint32_t rank, const int64_t* dims) {
    int at = snprintf(text, sizeof text, "[");
    for (uint32_t n = 0; n < rank && n < RLX_MAX_RANK; ++n)
      at += snprintf(text + at, sizeof text - static_cast<size_t>(at), n ? ", %lld" : "%lld",
                     static_cast<long long>(dims[n]));
    (void)snprintf(text + at, sizeof text - static_cast<size_t>(at), "]");
  }
};

/// One of the caller's tensors, for a message.
struct Named {
  const char* kind;
  uint32_t index;
  rlx_str name;
  rlx_error* error;

  __attribute__((format(printf, 2, 3))) int32_t refuse(const char* format, ...) const {
    char why[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, index, "execute: %s %u \"%.*s\" %s", kind,
                index, shown(name, 200), data_of(name), why);
  }
};

Named name_of(const Program& program, uint32_t kind, uint32_t index, rlx_error* error) {
  return {kind == RLX_LIR_INPUTS ? "input" : "output", index,
          rlx_lir_text(&program.image, program.at<rlx_lir_io>(kind, index).name), error};
}

/// Rows in their order, with or without gaps: no element lies on another. `span`: elements from the first to the last.
bool has_gaps_alone(const View& view, int64_t* span) {
  *span = 1;
  for (uint32_t axis = view.rank; axis-- > 0;) {
    int64_t rows = 0;
    if (view.dims[axis] == 1) continue;
    if (view.strides[axis] < *span || __builtin_mul_overflow(view.strides[axis], view.dims[axis] - 1, &rows) ||
        __builtin_add_overflow(rows, *span, span))
      return false;
  }
  return *span <= INT64_MAX / 16;
}

/// `gaps`: rows may lie apart. Sets tensor's span and strides, for a view that is at least that long.
int32_t check_shape(const Named& named, const View& wanted, const rlx_view& view, bool gaps, Tensor* tensor) {
  if (view.dtype != wanted.dtype) return named.refuse("has dtype %u, wanted %u", view.dtype, wanted.dtype);
  if (view.rank != wanted.rank || (view.rank && !view.dims))
    return named.refuse("has rank %u, or no dims, wanted rank %u", view.rank, wanted.rank);
  if (view.rank && memcmp(view.dims, wanted.dims, view.rank * sizeof(int64_t)))
    return named.refuse("has dims %s, wanted %s", DimsText(view.rank, view.dims).text,
                        DimsText(wanted.rank, wanted.dims).text);
  View seen = wanted;
  set_dense(&seen);
  if (view.strides) memcpy(seen.strides, view.strides, view.rank * sizeof(int64_t));
  tensor->strides = nullptr;
  tensor->bytes = tensor->span = static_cast<uint64_t>(count_of(wanted) * wanted.bytes);
  if (is_dense(seen)) return RLX_STATUS_OK;
  int64_t span = 0;
  if (!gaps || !has_gaps_alone(seen, &span))
    return named.refuse("has strides %s, wanted dense ones%s", DimsText(view.rank, view.strides).text,
                        gaps ? " or rows apart" : "");
  tensor->span = static_cast<uint64_t>(span * wanted.bytes);
  tensor->strides = view.strides;
  return RLX_STATUS_OK;
}

int32_t bind_tensor(const rlx_context& context, uint32_t kind, uint32_t index, const rlx_view& view,
                    Tensor* tensor, rlx_error* error) {
  const Program& program = context.executable->program;
  const View& wanted = program.values[program.at<rlx_lir_io>(kind, index).value].view;
  const Named named = name_of(program, kind, index, error);
  const bool gaps = kind == RLX_LIR_OUTPUTS && context.executable->output_stage[index] == kNowhere;
  C0_TRY(check_shape(named, wanted, view, gaps, tensor));
  if (view.bytes < tensor->span)
    return named.refuse("has %llu bytes, wanted %llu", static_cast<unsigned long long>(view.bytes),
                        static_cast<unsigned long long>(tensor->span));
  tensor->data = static_cast<char*>(view.host);
  if (!view.host && view.buffer) {
#if RLX_FAULT == 153  // stranger-accepted
    if (view.buffer->device != context.executable->device) RLX_REACHED();
#else
    if (view.buffer->device != context.executable->device)
      return named.refuse("is a buffer of another device");
#endif
    if (view.offset > view.buffer->bytes || tensor->span > view.buffer->bytes - view.offset)
      return named.refuse("begins at %llu of its buffer and leaves it",
                          static_cast<unsigned long long>(view.offset));
    tensor->data = view.buffer->data + view.offset;
#if RLX_FAULT == 152  // buffer-offset-dropped
    if (view.offset) RLX_REACHED();
    tensor->data = view.buffer->data;
#endif
  }
#if RLX_FAULT == 107  // null-empty-refused
  if (!tensor->bytes && !tensor->data) {
    RLX_REACHED();
    return named.refuse("has no memory");
  }
#endif
  if (tensor->bytes && !tensor->data) return named.refuse("has no memory");
  if (tensor->bytes && reinterpret_cast<uintptr_t>(tensor->data) % static_cast<uintptr_t>(wanted.bytes))
    return named.refuse("is not aligned to its elements");
  return RLX_STATUS_OK;
}

bool overlap(const Tensor& a, const Tensor& b) {
  return a.bytes && b.bytes && a.data < b.data + b.span && b.data < a.data + a.span;
}

bool paired(const Program& program, uint32_t input, uint32_t output) {
  for (uint32_t n = 0; n < program.count(RLX_LIR_STATE); ++n) {
    const rlx_lir_state& pair = program.at<rlx_lir_state>(RLX_LIR_STATE, n);
    if (pair.input == input && pair.output == output) return true;
  }
  return false;
}

int32_t check_overlap(const rlx_context& context, rlx_error* error) {
  const Program& program = context.executable->program;
  const uint32_t inputs = program.count(RLX_LIR_INPUTS), outputs = program.count(RLX_LIR_OUTPUTS);
  const Tensor* out = context.tensors + inputs;
  for (uint32_t o = 0; o < outputs; ++o) {
    const Named named = name_of(program, RLX_LIR_OUTPUTS, o, error);
    for (uint32_t i = 0; i < inputs; ++i) {
      if (paired(program, i, o)) {
        if (out[o].bytes && context.tensors[i].data != out[o].data)
          return named.refuse("must be the memory of its state, input %u", i);
      } else if (overlap(context.tensors[i], out[o])) {
        return named.refuse("overlaps input %u", i);
      }
    }
    for (uint32_t other = 0; other < o; ++other)
      if (overlap(out[o], out[other])) return named.refuse("overlaps output %u", other);
  }
  return RLX_STATUS_OK;
}

int32_t bind_tensors(rlx_context* context, const rlx_execute_in& in, rlx_error* error) {
  const Program& program = context->executable->program;
  const uint32_t inputs = program.count(RLX_LIR_INPUTS), outputs = program.count(RLX_LIR_OUTPUTS);
  if (in.input_count != inputs || in.output_count != outputs)
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, in.input_count,
                "execute: %u inputs and %u outputs, wanted %u and %u", in.input_count, in.output_count,
                inputs, outputs);
  if ((inputs && (!in.inputs || in.input_stride < sizeof(rlx_view))) ||
      (outputs && (!in.outputs || in.output_stride < sizeof(rlx_view))))
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0,
                "execute: a list of views is null, or its stride too small");
  for (uint32_t n = 0; n < inputs; ++n)
    C0_TRY(bind_tensor(*context, RLX_LIR_INPUTS, n, row_at(in.inputs, in.input_stride, n),
                       &context->tensors[n], error));
#if RLX_FAULT == 141  // checks-late
  for (uint32_t n = 0; n < outputs; ++n) {
    const rlx_view view = row_at(in.outputs, in.output_stride, n);
    if (!view.host || !view.bytes) continue;
    RLX_REACHED();
    memset(view.host, 0, view.bytes);
  }
#endif
  for (uint32_t n = 0; n < outputs; ++n)
    C0_TRY(bind_tensor(*context, RLX_LIR_OUTPUTS, n, row_at(in.outputs, in.output_stride, n),
                       &context->tensors[inputs + n], error));
  C0_TRY(check_overlap(*context, error));
  for (uint32_t id = 0; id < program.value_count; ++id) {
    const Value& value = program.values[id];
#if RLX_FAULT == 216  // input-copied
    RLX_REACHED();
#endif
#if defined(RLX_C0_COPY) || RLX_FAULT == 216
    if (value.storage == RLX_LIR_STORAGE_INPUT && value.bytes)
      memcpy(context->inner + context->executable->home[id], context->tensors[value.index].data, value.bytes);
#else
    if (value.storage == RLX_LIR_STORAGE_INPUT) context->data[id] = context->tensors[value.index].data;
#endif
    if (value.storage != RLX_LIR_STORAGE_OUTPUT || context->executable->output_stage[value.index] != kNowhere) continue;
    const Tensor& output = context->tensors[inputs + value.index];
    context->data[id] = output.strides ? context->inner + context->executable->home[id] : output.data;
  }
  return RLX_STATUS_OK;
}

int32_t bind_params(rlx_context* context, const rlx_param_set* set, rlx_error* error) {
  const Program& program = context->executable->program;
#if RLX_FAULT == 74  // weights-packed-forever
  if (context->prepared) {
    RLX_REACHED();
    return RLX_STATUS_OK;
  }
#endif
  context->prepared = nullptr;
  if (program.count(RLX_LIR_PARAMS) == 0) return RLX_STATUS_OK;
  C0_WANT(set, "execute: the param set");
#if RLX_FAULT == 153
  if (set->device != context->executable->device) RLX_REACHED();
#else
  if (set->device != context->executable->device)
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0,
                "execute: the param set belongs to another device");
#endif
  if (!__atomic_load_n(&set->sealed, __ATOMIC_ACQUIRE))
    return fail(error, RLX_STATUS_FAILED_PRECONDITION, RLX_NO_INDEX, 0,
                "execute: the param set is not sealed");
  rlx_param_set* open = const_cast<rlx_param_set*>(set);  // for its lock alone
  {
    const Lock lock(&open->mutex);
    context->prepared = find_prepared(open, context->executable);
  }
  if (!context->prepared)
    return fail(error, RLX_STATUS_FAILED_PRECONDITION, RLX_NO_INDEX, 0,
                "execute: the param set is not prepared for this executable");
  for (uint32_t n = 0; n < program.count(RLX_LIR_PARAMS); ++n)
    context->data[program.at<rlx_lir_param>(RLX_LIR_PARAMS, n).value] =
        const_cast<char*>(context->prepared->data[n]);
  return RLX_STATUS_OK;
}

int32_t context_execute(rlx_context* context, const rlx_execute_in* in, void*, rlx_error* error) {
  C0_WANT(context, "execute: the context");
  rlx_execute_in own;
  C0_TRY(read_in(&own, in, "execute", error));
  C0_TRY(bind_tensors(context, own, error));
  C0_TRY(bind_params(context, own.params, error));
  Watch watch;
  rlx_call call;
#if RLX_FAULT == 128  // cancel-poisons
  uint64_t* poisoned = fault_note(context->executable->id)->word;
  int32_t status = open_watch(&watch, &call, own.call, "execute", error);
  if (status == RLX_STATUS_OK && *poisoned) {
    RLX_REACHED();
    *poisoned = 0;
    return status;
  }
  if (status == RLX_STATUS_OK) status = run_program(context, &watch, error);
  if (status == RLX_STATUS_CANCELLED) *poisoned = 1;
  return status;
#endif
  C0_TRY(open_watch(&watch, &call, own.call, "execute", error));
#if RLX_FAULT == 206  // polls-later
  const int32_t ended = run_program(context, &watch, error);
  rlx_call* late = make<rlx_call>();
  pthread_t thread;
  const auto ask = [](void* words) -> void* {
    usleep(5000);
    RLX_REACHED();
    const rlx_call* told = static_cast<const rlx_call*>(words);
    (void)told->poll(told->user, -1);
    release(words);
    return nullptr;
  };
  if (late) *late = call;
  if (late && own.call && call.poll && pthread_create(&thread, nullptr, ask, late) == 0)
    pthread_detach(thread);
  else
    release(late);
  return ended;
#endif
#if RLX_FAULT == 207  // leak-on-cancel
  const int32_t ended = run_program(context, &watch, error);
  if (ended == RLX_STATUS_CANCELLED) {
    RLX_REACHED();
    void* volatile kept = aligned(256, 64);
    (void)kept;
  }
  return ended;
#endif
  return run_program(context, &watch, error);
}

}  // namespace

const rlx_execute_1 kExecuteTable = {context_create, context_destroy, context_execute};

}  // namespace rlx_c0
