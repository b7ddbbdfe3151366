/* SPDX-License-Identifier: Apache-2.0 */
/* Optional help for authors in C and C++: the checks that every plugin makes at its border, once. Nothing of
   the contract is here; a plugin may do all of it by itself. Nothing is exported. Uses the C library and
   clock_gettime of POSIX (define _POSIX_C_SOURCE as 200809L before the first include), and the built-in
   functions of GCC and Clang. */
#ifndef RLX_AUTHOR_H_
#define RLX_AUTHOR_H_

#include <rlx/execute.h>
#include <rlx/lir.h>
#include <rlx/params.h>
#include <rlx/plugin.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The `sanitizer` of a descriptor: what this file is compiled with. */
#if defined(__SANITIZE_ADDRESS__)
#define RLX_AUTHOR_SANITIZER RLX_SANITIZER_ADDRESS
#elif defined(__SANITIZE_THREAD__)
#define RLX_AUTHOR_SANITIZER RLX_SANITIZER_THREAD
#else
#define RLX_AUTHOR_SANITIZER RLX_SANITIZER_NONE
#endif

/* Short forms for slots whose parameters are called in, out and error. Sizes are those of ABI minor 1. */
#define RLX_AUTHOR_FAIL(status, detail, ...) \
  rlx_author_fail(error, RLX_STATUS_##status, RLX_NO_INDEX, detail, __VA_ARGS__)
#define RLX_AUTHOR_BEGIN(slot, object, own, first, out_first) \
  rlx_author_begin(slot, object, &own, sizeof own, first, in, out, out_first, error)
#define RLX_AUTHOR_WRITE(made, first) rlx_write_out(out, &made, sizeof made, first, NULL)
#define RLX_AUTHOR_NO_OPTIONS(slot) \
  rlx_author_no_options(slot, own.options, own.option_count, own.option_stride, error)
#define RLX_AUTHOR_NO_MEMORY(slot) RLX_AUTHOR_FAIL(OUT_OF_MEMORY, 0, slot ": out of memory")

/* ---- Errors and the first line of a slot ---- */
/* Fills the caller's record (may be null) with a printf message and returns `status`. */
__attribute__((format(printf, 5, 6))) static inline int32_t rlx_author_fail(rlx_error* error, int32_t status,
                                                                            uint32_t op_index,
                                                                            uint64_t detail,
                                                                            const char* format, ...) {
  char text[2 * RLX_ERROR_MESSAGE_BYTES]; /* longer than a message: rlx_fail cuts it where a character ends */
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return rlx_fail(error, status, op_index, detail, text);
}

/* What a slot does before anything else. Reads `in` into `own` (own_size bytes) by the rules of growth;
   `object` must not be null; `out`, where out_first is not 0, must have a possible size. `first` and
   `out_first` are the structs' sizes in ABI minor 1, from the registry: they never change, whatever headers
   the plugin is built with. A slot without an in-struct passes a uint32_t and first = 4. `own` is filled as
   far as it can be also on failure. */
static inline int32_t rlx_author_begin(const char* slot, const void* object, void* own, uint32_t own_size,
                                       uint32_t first, const void* in, const void* out, uint32_t out_first,
                                       rlx_error* error) {
  uint64_t detail = 0;
  uint32_t out_size = 0;
  const int32_t status = rlx_read_in(own, own_size, in, first, &detail);
  if (status == RLX_STATUS_UNKNOWN_FIELD) {
    memcpy((char*)own + 4, (const char*)in + 4, own_size - 4);
    return rlx_author_fail(error, status, RLX_NO_INDEX, detail,
                           "%s: byte %u of the in-struct is set, but not known here", slot, (unsigned)detail);
  }
  if (status)
    return rlx_author_fail(error, status, RLX_NO_INDEX, detail,
                           "%s: struct_size of the in-struct is %u, wanted %u to %u", slot, (unsigned)detail,
                           first, RLX_STRUCT_BYTES_MAX);
  if (!object)
    return rlx_author_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0,
                           "%s: a required object is null", slot);
  if (out && out_first) memcpy(&out_size, out, sizeof out_size);
  if (out_size >= out_first && out_size <= RLX_STRUCT_BYTES_MAX) return RLX_STATUS_OK;
  return rlx_author_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, out_size,
                         "%s: the out-struct is null or its struct_size is %u, wanted %u to %u", slot,
                         out_size, out_first, RLX_STRUCT_BYTES_MAX);
}

/* Asks the caller of a long call (may be null) whether to go on. At least every 100 ms. CANCELLED or
 * DEADLINE: clean up. */
static inline int32_t rlx_author_stopped(const char* slot, const rlx_call* call, rlx_error* error) {
  rlx_call own;
  struct timespec now;
  const int32_t status = rlx_author_begin(slot, slot, &own, sizeof own, 40, call, NULL, 0, error);
  if (status) return status;
  if (own.poll && own.poll(own.user, -1))
    return rlx_author_fail(error, RLX_STATUS_CANCELLED, RLX_NO_INDEX, 0, "%s: stopped by the caller", slot);
  if (!own.deadline_ns || clock_gettime(CLOCK_MONOTONIC, &now)) return RLX_STATUS_OK;
  if ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec < own.deadline_ns) return RLX_STATUS_OK;
  return rlx_author_fail(error, RLX_STATUS_DEADLINE, RLX_NO_INDEX, 0, "%s: past its deadline", slot);
}

/* For a plugin without options: refuses the first one by its key. */
static inline int32_t rlx_author_no_options(const char* slot, const rlx_option* options, uint32_t count,
                                            uint32_t stride, rlx_error* error) {
  if (!count) return RLX_STATUS_OK;
  if (!options || stride < sizeof *options)
    return rlx_author_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, count,
                           "%s: %u options, but no list of them", slot, count);
  return rlx_author_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0, "%s: unknown option %.*s", slot,
                         options->key.size < 600 ? (int)options->key.size : 600,
                         options->key.data ? options->key.data : "");
}

/* The whole of rlx_plugin_query: the highest common versions of the host's ranges and the descriptor's, or
   VERSION with both ranges in the text. */
static inline int32_t rlx_author_query(const rlx_descriptor* own, const void* (*get_interface)(rlx_str id),
                                       const rlx_query_in* in, rlx_query_out* out, rlx_error* error) {
  rlx_query_in host;
  rlx_query_out made = {sizeof made, 0, 0, 0, own, get_interface};
  const int32_t status = rlx_author_begin("rlx_plugin_query", in, &host, sizeof host, 64, in, out, 32, error);
  if (status) return status;
  made.abi_minor = host.abi_minor_max < own->abi_minor_max ? host.abi_minor_max : own->abi_minor_max;
  made.lir_version =
      host.lir_version_max < own->lir_version_max ? host.lir_version_max : own->lir_version_max;
  if (host.abi_epoch == own->abi_epoch && host.abi_major == own->abi_major &&
      made.abi_minor >= host.abi_minor_min && made.abi_minor >= own->abi_minor_min &&
      made.lir_version >= host.lir_version_min && made.lir_version >= own->lir_version_min)
    return rlx_write_out(out, &made, sizeof made, 32, NULL);
  return rlx_author_fail(error, RLX_STATUS_VERSION, RLX_NO_INDEX, 0,
                         "host: ABI epoch %u, major %u, minors %u to %u, LIR %u to %u; %s: ABI epoch %u, "
                         "major %u, minors %u to %u, "
                         "LIR %u to %u",
                         host.abi_epoch, host.abi_major, host.abi_minor_min, host.abi_minor_max,
                         host.lir_version_min, host.lir_version_max, own->id, own->abi_epoch, own->abi_major,
                         own->abi_minor_min, own->abi_minor_max, own->lir_version_min, own->lir_version_max);
}

static inline int rlx_author_is(rlx_str text, const char* other) {
  return text.size == strlen(other) && (!text.size || memcmp(text.data, other, text.size) == 0);
}

/* ---- Tensors of an image ---- */
typedef struct rlx_author_tensor {
  uint32_t dtype, rank, element_bytes, is_view;
  uint32_t storage; /* of the root: RLX_LIR_STORAGE_*, never VIEW */
  uint32_t index;   /* of the input, output or param; else the root's value */
  uint64_t offset;  /* bytes from the root's begin, or the constants section's, to element [0,..,0] */
  uint64_t bytes;   /* of the dense form */
  int64_t dims[RLX_MAX_RANK], strides[RLX_MAX_RANK]; /* strides in bytes, dense ones too */
} rlx_author_tensor;

/* Value `index` with its root resolved; 0 where it leaves the image, contradicts itself, reaches past its
   root, or has a dtype that nothing is known about. */
static inline int rlx_author_read_tensor(const rlx_lir_image* image, uint32_t index, rlx_author_tensor* t) {
  const rlx_lir_value* value = rlx_lir_value_at(image, index);
  const rlx_lir_value* root =
      value && value->storage == RLX_LIR_STORAGE_VIEW ? rlx_lir_value_at(image, value->index) : value;
  const int64_t *dims = rlx_lir_dims(image, value), *strides = value ? rlx_lir_strides(image, value) : NULL;
  int64_t low = 0, high, dense = value ? rlx_dtype_bytes(value->dtype) : 0, span;
  uint32_t i;
  memset(t, 0, sizeof *t);
  if (!dims || !dense || !root || root->storage == RLX_LIR_STORAGE_VIEW ||
      (root != value) != (strides != NULL))
    return 0;
  t->dtype = value->dtype, t->rank = value->rank, t->element_bytes = (uint32_t)dense,
  t->is_view = root != value;
  high = dense;
  for (i = t->rank; i-- > 0;) {
    t->dims[i] = dims[i], t->strides[i] = dense;
    if (dims[i] < 0 || __builtin_mul_overflow(dense, dims[i], &dense)) return 0;
    if (!strides || !dims[i]) continue;
    if (__builtin_mul_overflow(strides[i], (int64_t)t->element_bytes, &t->strides[i]) ||
        __builtin_mul_overflow(t->strides[i], dims[i] - 1, &span) ||
        __builtin_add_overflow(span < 0 ? low : high, span, span < 0 ? &low : &high))
      return 0;
  }
  t->bytes = (uint64_t)dense, t->offset = t->is_view ? value->byte_offset : 0;
  if (t->bytes != value->byte_size || t->offset > INT64_MAX) return 0;
  if (t->is_view && dense &&
      ((int64_t)t->offset < -low || t->offset > root->byte_size ||
       (uint64_t)high > root->byte_size - t->offset))
    return 0;
  t->storage = root->storage;
  switch (root->storage) {
    case RLX_LIR_STORAGE_INPUT:
      t->index = root->index;
      return t->index < rlx_lir_count(image, RLX_LIR_INPUTS);
    case RLX_LIR_STORAGE_OUTPUT:
      t->index = root->index;
      return t->index < rlx_lir_count(image, RLX_LIR_OUTPUTS);
    case RLX_LIR_STORAGE_PARAM:
      t->index = root->index;
      return t->index < rlx_lir_count(image, RLX_LIR_PARAMS);
    case RLX_LIR_STORAGE_CONSTANT:
      t->offset += root->byte_offset;
      return rlx_lir_constant(image, root) != NULL;
    default:
      t->index = t->is_view ? value->index : index;
      return 1;
  }
}

/* The tensor of input or output `index` (`kind` is RLX_LIR_INPUTS or _OUTPUTS); 0 where it cannot be read. */
static inline int rlx_author_read_io(const rlx_lir_image* image, uint32_t kind, uint32_t index,
                                     rlx_author_tensor* t) {
  const rlx_lir_io* io = (const rlx_lir_io*)rlx_lir_at(image, kind, index);
  return io && rlx_author_read_tensor(image, io->value, t);
}

/* Opens an image for reading; the error says where it is refused. */
static inline int32_t rlx_author_open(const char* slot, rlx_lir_image* image, const void* data,
                                      uint64_t bytes, rlx_error* error) {
  uint64_t detail = 0;
  const int32_t status = rlx_lir_open(image, data, bytes, &detail);
  if (!status) return status;
  return rlx_author_fail(error, status, RLX_NO_INDEX, detail, "%s: the image is refused at %llu", slot,
                         (unsigned long long)detail);
}

/* Makes `t` a dense tensor of the same dims. */
static inline void rlx_author_make_dense(rlx_author_tensor* t) {
  int64_t stride = t->element_bytes;
  uint32_t i;
  for (i = t->rank; i-- > 0; stride *= t->dims[i]) t->strides[i] = stride;
}

/* An attribute that lists axes of `t`, and their set as bits in *bits. Returns the count, or UINT32_MAX where
   they are not different axes of it. An absent attribute lists none. */
static inline uint32_t rlx_author_axes(const rlx_lir_image* image, const rlx_lir_op* op, uint32_t key,
                                       const rlx_author_tensor* t, const int64_t** axes, uint32_t* bits) {
  uint32_t count, i;
  *axes = rlx_lir_attr_list(image, op, key, RLX_LIR_ATTR_I64_LIST, &count);
  for (i = *bits = 0; i < count; *bits |= 1u << (*axes)[i++])
    if (!*axes || (*axes)[i] < 0 || (*axes)[i] >= t->rank || *bits >> (*axes)[i] & 1) return UINT32_MAX;
  return count;
}

/* Opens the image of a query, and sees that there is room for a verdict on each of its ops. */
static inline int32_t rlx_author_open_query(const rlx_query_support_in* in, rlx_lir_image* image,
                                            rlx_error* error) {
  const int32_t status = rlx_author_open("query_support", image, in->image, in->image_bytes, error);
  if (status) return status;
  if (in->verdict_count >= rlx_lir_count(image, RLX_LIR_OPS) &&
      (!in->verdict_count || (in->verdicts && in->verdict_stride >= 160)))
    return RLX_STATUS_OK;
  return RLX_AUTHOR_FAIL(INVALID_ARGUMENT, in->verdict_count,
                         "query_support: %llu verdicts, wanted %llu with a stride of 160 at least",
                         (unsigned long long)in->verdict_count,
                         (unsigned long long)rlx_lir_count(image, RLX_LIR_OPS));
}

/* Writes the verdict on op `index` of a query: NATIVE where `why` is null, else EXPAND where it has one
 * region. */
static inline void rlx_author_verdict(const rlx_query_support_in* in, const rlx_lir_image* image,
                                      uint32_t index, const char* why, uint32_t operand, uint32_t key) {
  rlx_verdict* const verdict =
      (rlx_verdict*)(void*)((char*)in->verdicts + (uint64_t)index * in->verdict_stride);
  memset(verdict, 0, 160);
  verdict->verdict = !why                                             ? RLX_VERDICT_NATIVE
                     : rlx_lir_op_at(image, index)->region_count == 1 ? RLX_VERDICT_EXPAND
                                                                      : RLX_VERDICT_UNSUPPORTED;
  verdict->operand_index = why ? operand : RLX_NO_INDEX;
  verdict->attribute_key = why ? key : 0;
  if (why) (void)snprintf(verdict->reason, sizeof verdict->reason, "%s", why);
}

/* ---- Views of a run ---- */
/* Tensor `index` of the image's inputs or outputs (`kind`), against what a run brings: dtype, dims, bytes,
   dense strides, memory at `data`. The error names it. */
static inline int32_t rlx_author_check_view(const rlx_lir_image* image, uint32_t kind, uint32_t index,
                                            const rlx_view* view, const void* data, rlx_error* error) {
  const rlx_lir_io* io = (const rlx_lir_io*)rlx_lir_at(image, kind, index);
  const char* why = NULL;
  rlx_author_tensor t;
  rlx_str name;
  uint32_t i;
  int64_t dense = 1;
  if (!rlx_author_read_io(image, kind, index, &t))
    return rlx_fail(error, RLX_STATUS_INVALID_IMAGE, RLX_NO_INDEX, index,
                    "a tensor of the image cannot be read");
  if (view->dtype != t.dtype)
    why = "dtype";
  else if (view->rank != t.rank || (t.rank && !view->dims))
    why = "rank";
  else if (t.rank && memcmp(view->dims, t.dims, t.rank * sizeof *view->dims))
    why = "dims";
  else if (view->bytes < t.bytes)
    why = "bytes";
  for (i = why || !view->strides || !t.bytes ? 0 : t.rank; i-- > 0; dense *= t.dims[i])
    if (t.dims[i] > 1 && view->strides[i] != dense) why = "strides (dense ones are wanted)";
  if (!why && t.bytes && (!data || (uintptr_t)data % t.element_bytes)) why = "address";
  if (!why) return RLX_STATUS_OK;
  name = rlx_lir_text(image, io->name);
  return rlx_author_fail(
      error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, index,
      "execute: wrong %s; dtype %u, rank %u, %llu bytes were given, the image has %u, %u, %llu: %s %u, %.*s",
      why, view->dtype, view->rank, (unsigned long long)view->bytes, t.dtype, t.rank,
      (unsigned long long)t.bytes, kind == RLX_LIR_INPUTS ? "input" : "output", index,
      name.size < 600 ? (int)name.size : 600, name.data ? name.data : "");
}

/* Checks all views of a run before anything is done, and fills `tensors` with their addresses, inputs first:
   counts, each view, and that an output overlaps nothing but the input whose state it is, which is the same
   memory. memory(user, view): where a view's bytes lie, or null. Compares each output with every tensor. */
static inline int32_t rlx_author_bind(const rlx_lir_image* image, const rlx_execute_in* in,
                                      char* (*memory)(void* user, const rlx_view* view), void* user,
                                      char** tensors, rlx_error* error) {
  const uint32_t inputs = (uint32_t)rlx_lir_count(image, RLX_LIR_INPUTS),
                 outputs = (uint32_t)rlx_lir_count(image, RLX_LIR_OUTPUTS);
  uint32_t i, k, p;
  if (in->input_count != inputs || in->output_count != outputs ||
      (inputs && (!in->inputs || in->input_stride < sizeof(rlx_view))) ||
      (outputs && (!in->outputs || in->output_stride < sizeof(rlx_view))))
    return rlx_author_fail(
        error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, in->input_count,
        "execute: %u inputs and %u outputs, wanted %u and %u, each list with a stride of %u at least",
        in->input_count, in->output_count, inputs, outputs, (unsigned)sizeof(rlx_view));
  for (i = 0; i < inputs + outputs; ++i) {
    const char* row = i < inputs ? (const char*)in->inputs + (uint64_t)i * in->input_stride
                                 : (const char*)in->outputs + (uint64_t)(i - inputs) * in->output_stride;
    const rlx_view* view = (const rlx_view*)(const void*)row;
    const int32_t status =
        rlx_author_check_view(image, i < inputs ? RLX_LIR_INPUTS : RLX_LIR_OUTPUTS,
                              i < inputs ? i : i - inputs, view, tensors[i] = memory(user, view), error);
    if (status) return status;
  }
  for (i = inputs; i < inputs + outputs; ++i) {
    for (k = 0; k < i; ++k) {
      const rlx_lir_io* a = (const rlx_lir_io*)rlx_lir_at(image, RLX_LIR_OUTPUTS, i - inputs);
      const rlx_lir_io* b = (const rlx_lir_io*)rlx_lir_at(
          image, k < inputs ? RLX_LIR_INPUTS : RLX_LIR_OUTPUTS, k < inputs ? k : k - inputs);
      const uint64_t a_bytes = rlx_lir_value_at(image, a->value)->byte_size,
                     b_bytes = rlx_lir_value_at(image, b->value)->byte_size;
      int pair = 0;
      for (p = 0; p < rlx_lir_count(image, RLX_LIR_STATE); ++p) {
        const rlx_lir_state* state = (const rlx_lir_state*)rlx_lir_at(image, RLX_LIR_STATE, p);
        pair |= state->input == k && state->output == i - inputs;
      }
      if (pair ? tensors[i] != tensors[k] && a_bytes
               : a_bytes && b_bytes && tensors[i] < tensors[k] + b_bytes && tensors[k] < tensors[i] + a_bytes)
        return rlx_author_fail(
            error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, i - inputs,
            "execute: output %u, %.*s, %s %s %u", i - inputs, rlx_lir_text(image, a->name).size < 600 ? (int)rlx_lir_text(image, a->name).size : 600,
            rlx_lir_text(image, a->name).data, pair ? "must be the memory of its state," : "overlaps",
            k < inputs ? "input" : "output", k < inputs ? k : k - inputs);
    }
  }
  return RLX_STATUS_OK;
}

#ifdef __cplusplus
}
#endif

#endif /* RLX_AUTHOR_H_ */
