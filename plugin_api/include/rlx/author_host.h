/* SPDX-License-Identifier: Apache-2.0 */
/* Optional help for authors in C and C++ whose device computes in host memory: rlx.buffer/1 and rlx.params/1,
   ready to be put into a plugin's tables. Buffers are plain memory; sources of a param set are used where
   they lie, and prepare packs nothing: it checks, and remembers. A backend that packs, or has memory of its
   own, writes its own. See author.h. */
#ifndef RLX_AUTHOR_HOST_H_
#define RLX_AUTHOR_HOST_H_

#include <pthread.h>
#include <rlx/author.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rlx_buffer {
  rlx_device* device;
  uint64_t bytes;
  char* data;
};

/* A mark that a set is prepared for the executable of that id. */
typedef struct rlx_author_mark {
  struct rlx_author_mark* next;
  uint64_t executable;
} rlx_author_mark;

struct rlx_param_set {
  rlx_device* device;
  uint32_t count;
  uint32_t sealed;
  struct rlx_author_source** entries; /* null where nothing was put */
  unsigned char* put;                 /* entries that are this set's own, not its base's */
  pthread_mutex_t lock;               /* of `marks` */
  rlx_author_mark* marks;
};

/* What the plugin says of one of its executables: its device, its image, and a number that no other
   executable of the process has or had. */
typedef struct rlx_author_executable {
  rlx_device* device;
  const rlx_lir_image* image;
  uint64_t id;
} rlx_author_executable;
__attribute__((visibility("hidden"))) rlx_author_executable rlx_author_describe(
    const rlx_executable* executable); /* the plugin defines it */

static inline uint64_t rlx_author_host_bytes(void) {
  return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- Entries of a param set ---- */
/* One put entry. A set and those made over it share it; drop is called when the last of them lets go. */
typedef struct rlx_author_source {
  uint32_t users, dtype, rank, reserved;
  int64_t dims[RLX_MAX_RANK];
  uint64_t bytes;
  const char* data;
  void (*drop)(void* user);
  void* drop_user;
} rlx_author_source;

static inline rlx_author_source* rlx_author_share(rlx_author_source* source) {
  if (source) __atomic_add_fetch(&source->users, 1u, __ATOMIC_RELAXED);
  return source;
}
static inline void rlx_author_let_go(rlx_author_source* source) {
  if (!source || __atomic_sub_fetch(&source->users, 1u, __ATOMIC_ACQ_REL)) return;
  if (source->drop) source->drop(source->drop_user);
  free(source);
}

/* The entry that `put` describes, with the bytes at `data`. On failure drop is still the caller's to call. */
static inline int32_t rlx_author_take(const rlx_put_in* put, const void* data, rlx_author_source** made,
                                      rlx_error* error) {
  int64_t bytes = rlx_dtype_bytes(put->dtype);
  int possible = bytes && put->rank <= RLX_MAX_RANK && (put->dims || !put->rank);
  uint32_t i;
  for (i = 0; possible && i < put->rank; ++i)
    possible = put->dims[i] >= 0 && !__builtin_mul_overflow(bytes, put->dims[i], &bytes);
  if (!possible || put->bytes != (uint64_t)bytes || (bytes && !data))
    return rlx_author_fail(
        error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, put->index,
        "put of entry %u: dtype %u, rank %u and its dims do not make %llu bytes, or there is no source",
        put->index, put->dtype, put->rank, (unsigned long long)put->bytes);
  if (!(*made = (rlx_author_source*)calloc(1, sizeof **made)))
    return rlx_author_fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, put->index,
                           "put of entry %u: out of memory", put->index);
  (*made)->users = 1, (*made)->dtype = put->dtype, (*made)->rank = put->rank, (*made)->bytes = put->bytes;
  if (put->rank) memcpy((*made)->dims, put->dims, put->rank * sizeof *put->dims);
  (*made)->data = (const char*)data, (*made)->drop = put->drop, (*made)->drop_user = put->drop_user;
  return RLX_STATUS_OK;
}

/* Whether `source` is what param `index` of the image wants. */
static inline int rlx_author_fits(const rlx_lir_image* image, uint32_t index,
                                  const rlx_author_source* source) {
  const rlx_lir_param* param = (const rlx_lir_param*)rlx_lir_at(image, RLX_LIR_PARAMS, index);
  const int64_t* dims =
      param ? (const int64_t*)rlx_lir_range(image, RLX_LIR_I64, param->dims, param->rank) : NULL;
  return dims && source->dtype == param->dtype && source->rank == param->rank &&
         memcmp(dims, source->dims, param->rank * sizeof *dims) == 0;
}

/* ---- rlx.buffer/1 ---- */
static inline int32_t rlx_author_buffer_alloc(rlx_device* device, const rlx_alloc_in* in, rlx_alloc_out* out,
                                              rlx_error* error) {
  rlx_alloc_in own;
  rlx_alloc_out made = {sizeof made, 0, NULL, NULL};
  const int32_t status = RLX_AUTHOR_BEGIN("alloc", device, own, 24, 24);
  const uint32_t alignment = own.alignment > 64 ? own.alignment : 64;
  if (status) return status;
  if (own.space > RLX_SPACE_HOST_PINNED || own.usage != RLX_USAGE_ANY ||
      (own.alignment & (own.alignment - 1)))
    return RLX_AUTHOR_FAIL(INVALID_ARGUMENT, own.space,
                           "alloc: space %u, usage %u or alignment %u is unknown", own.space, own.usage,
                           own.alignment);
  if (own.bytes > rlx_author_host_bytes())
    return RLX_AUTHOR_FAIL(RESOURCE_EXHAUSTED, own.bytes, "alloc: %llu bytes are more than the device has",
                           (unsigned long long)own.bytes);
  if (!(made.buffer = (rlx_buffer*)calloc(1, sizeof *made.buffer)) ||
      posix_memalign(&made.host, alignment, own.bytes ? own.bytes : 1))
    return free(made.buffer), RLX_AUTHOR_NO_MEMORY("alloc");
  made.buffer->device = device, made.buffer->bytes = own.bytes, made.buffer->data = (char*)made.host;
  return RLX_AUTHOR_WRITE(made, 24);
}
static inline void rlx_author_buffer_free(rlx_buffer* buffer) {
  if (buffer) free(buffer->data);
  free(buffer);
}
static inline int rlx_author_outside(const rlx_buffer* buffer, uint64_t offset, uint64_t bytes) {
  return offset > buffer->bytes || bytes > buffer->bytes - offset;
}
static inline int32_t rlx_author_transfer(const char* slot, rlx_buffer* buffer, const rlx_transfer_in* in,
                                          void* out, rlx_error* error, int writes) {
  rlx_transfer_in own;
  int32_t status = RLX_AUTHOR_BEGIN(slot, buffer, own, 40, 0);
  if (status) return status;
  if (rlx_author_outside(buffer, own.offset, own.bytes) || (own.bytes && !own.host))
    return RLX_AUTHOR_FAIL(INVALID_ARGUMENT, own.offset,
                           "%s: host is null, or past the end of a buffer of %llu bytes", slot,
                           (unsigned long long)buffer->bytes);
  if ((status = rlx_author_stopped(slot, own.call, error)) || !own.bytes) return status;
  return writes ? memmove(buffer->data + own.offset, own.host, own.bytes)
                : memmove(own.host, buffer->data + own.offset, own.bytes),
         RLX_STATUS_OK;
}
static inline int32_t rlx_author_buffer_write(rlx_buffer* b, const rlx_transfer_in* in, void* out,
                                              rlx_error* error) {
  return rlx_author_transfer("write", b, in, out, error, 1);
}
static inline int32_t rlx_author_buffer_read(rlx_buffer* b, const rlx_transfer_in* in, void* out,
                                             rlx_error* error) {
  return rlx_author_transfer("read", b, in, out, error, 0);
}
static inline int32_t rlx_author_buffer_copy(rlx_buffer* target, const rlx_copy_in* in, void* out,
                                             rlx_error* error) {
  rlx_copy_in own;
  int32_t status = RLX_AUTHOR_BEGIN("copy", target, own, 48, 0);
  if (status) return status;
  if (!own.source || own.source->device != target->device ||
      rlx_author_outside(target, own.offset, own.bytes) ||
      rlx_author_outside(own.source, own.source_offset, own.bytes))
    return RLX_AUTHOR_FAIL(INVALID_ARGUMENT, own.offset,
                           "copy: the source is null or of another device, or the range leaves a buffer");
  if ((status = rlx_author_stopped("copy", own.call, error)) || !own.bytes) return status;
  return memmove(target->data + own.offset, own.source->data + own.source_offset, own.bytes), RLX_STATUS_OK;
}

/* ---- rlx.params/1: sources are used where they lie, so prepare packs nothing; it checks and remembers. ---- */
static inline void rlx_author_set_destroy(rlx_param_set* set) {
  uint32_t i;
  if (!set) return;
  for (i = 0; set->entries && i < set->count; ++i) rlx_author_let_go(set->entries[i]);
  while (set->marks) {
    rlx_author_mark* const next = set->marks->next;
    free(set->marks);
    set->marks = next;
  }
  pthread_mutex_destroy(&set->lock);
  free(set->entries), free(set->put), free(set);
}
static inline int32_t rlx_author_set_create(rlx_device* device, const rlx_params_create_in* in,
                                            rlx_params_create_out* out, rlx_error* error) {
  rlx_params_create_in own;
  rlx_params_create_out made = {sizeof made, 0, NULL};
  const int32_t status = RLX_AUTHOR_BEGIN("params create", device, own, 16, 16);
  uint32_t i;
  if (status) return status;
  if (own.base && (own.base->device != device || own.base->count != own.count))
    return RLX_AUTHOR_FAIL(INVALID_ARGUMENT, own.count,
                           "params create: the base is of another device, or has not %u entries", own.count);
  if (own.base && !own.base->sealed)
    return RLX_AUTHOR_FAIL(FAILED_PRECONDITION, 0, "params create: the base is not sealed");
  if (!(made.set = (rlx_param_set*)calloc(1, sizeof *made.set))) return RLX_AUTHOR_NO_MEMORY("params create");
  made.set->device = device, made.set->count = own.count;
  (void)pthread_mutex_init(&made.set->lock, NULL);
  made.set->entries = (rlx_author_source**)calloc(own.count + (size_t)1, sizeof *made.set->entries);
  made.set->put = (unsigned char*)calloc(own.count + (size_t)1, 1);
  if (!made.set->entries || !made.set->put)
    return rlx_author_set_destroy(made.set), RLX_AUTHOR_NO_MEMORY("params create");
  for (i = 0; own.base && i < own.count; ++i) made.set->entries[i] = rlx_author_share(own.base->entries[i]);
  return RLX_AUTHOR_WRITE(made, 16);
}
static inline int32_t rlx_author_put_entry(rlx_param_set* set, const rlx_put_in* own, rlx_error* error) {
  rlx_author_source* made = NULL;
  int32_t status;
  if (set->sealed)
    return RLX_AUTHOR_FAIL(FAILED_PRECONDITION, own->index, "put of entry %u: the set is sealed", own->index);
  if (own->index >= set->count || set->put[own->index])
    return RLX_AUTHOR_FAIL(INVALID_ARGUMENT, own->index,
                           "put of entry %u: it was put before, or the set has only %u", own->index,
                           set->count);
  if (own->buffer && (own->host || own->buffer->device != set->device ||
                      rlx_author_outside(own->buffer, own->buffer_offset, own->bytes)))
    return RLX_AUTHOR_FAIL(INVALID_ARGUMENT, own->index,
                           "put of entry %u: two sources, or past the end of the buffer", own->index);
  status =
      rlx_author_take(own, own->buffer ? own->buffer->data + own->buffer_offset : own->host, &made, error);
  if (status) return status;
  rlx_author_let_go(set->entries[own->index]);
  set->entries[own->index] = made;
  set->put[own->index] = 1;
  return RLX_STATUS_OK;
}
static inline int32_t rlx_author_set_put(rlx_param_set* set, const rlx_put_in* in, void* out,
                                         rlx_error* error) {
  rlx_put_in own;
  int32_t status = RLX_AUTHOR_BEGIN("put", set, own, 88, 0);
  if (!status) status = rlx_author_put_entry(set, &own, error);
  if (status && own.drop) own.drop(own.drop_user); /* exactly once, also on failure */
  return status;
}
static inline int32_t rlx_author_set_seal(rlx_param_set* set, const void* in, void* out, rlx_error* error) {
  uint32_t none;
  const int32_t status = RLX_AUTHOR_BEGIN("seal", set, none, 4, 0);
  return status ? status : (set->sealed = 1, RLX_STATUS_OK);
}
/* Finds the mark of an executable, and takes it away. With the lock held. */
static inline rlx_author_mark** rlx_author_find_mark(rlx_param_set* set, uint64_t executable) {
  rlx_author_mark** at = &set->marks;
  while (*at && (*at)->executable != executable) at = &(*at)->next;
  return at;
}
static inline int32_t rlx_author_set_prepare(rlx_param_set* set, const rlx_prepare_in* in,
                                             rlx_prepare_out* out, rlx_error* error) {
  rlx_prepare_in own;
  rlx_prepare_out made = {sizeof made, 0};
  rlx_author_executable executable;
  int32_t status = RLX_AUTHOR_BEGIN("prepare", set, own, 32, out ? 8 : 0);
  uint32_t i, wrong = RLX_NO_INDEX;
  rlx_author_mark **at, *mark;
  if (status) return status;
  if (!own.executable) return RLX_AUTHOR_FAIL(INVALID_ARGUMENT, 0, "prepare: the executable is null");
  executable = rlx_author_describe(own.executable);
  if (executable.device != set->device)
    return RLX_AUTHOR_FAIL(INVALID_ARGUMENT, 0, "prepare: the executable is of another device");
  if (!set->sealed) return RLX_AUTHOR_FAIL(FAILED_PRECONDITION, 0, "prepare: the set is not sealed");
  if ((status = rlx_author_stopped("prepare", own.call, error))) return status;
  for (i = 0; i < rlx_lir_count(executable.image, RLX_LIR_PARAMS); ++i) {
    const uint32_t entry = ((const rlx_lir_param*)rlx_lir_at(executable.image, RLX_LIR_PARAMS, i))->set_index;
    if (entry < set->count && set->entries[entry]) {
      if (!rlx_author_fits(executable.image, i, set->entries[entry])) wrong = entry;
    } else if (made.missing_count++ < own.missing_capacity && own.missing) {
      own.missing[made.missing_count - 1] = entry;
    }
  }
  if (out) (void)RLX_AUTHOR_WRITE(made, 8);
  if (made.missing_count)
    return RLX_AUTHOR_FAIL(NOT_FOUND, made.missing_count, "prepare: %u entries are missing",
                           made.missing_count);
  if (wrong != RLX_NO_INDEX)
    return RLX_AUTHOR_FAIL(INVALID_ARGUMENT, wrong,
                           "prepare: entry %u has not the dtype and dims of the image", wrong);
  pthread_mutex_lock(&set->lock);
  at = rlx_author_find_mark(set, executable.id);
  if (!*at && (mark = (rlx_author_mark*)calloc(1, sizeof *mark)))
    mark->executable = executable.id, *at = mark;
  status = *at ? RLX_STATUS_OK : RLX_AUTHOR_NO_MEMORY("prepare");
  pthread_mutex_unlock(&set->lock);
  return status;
}
static inline void rlx_author_set_release(rlx_param_set* set, rlx_executable* executable) {
  rlx_author_mark **at, *mark;
  if (!set || !executable) return;
  pthread_mutex_lock(&set->lock);
  at = rlx_author_find_mark(set, rlx_author_describe(executable).id);
  if ((mark = *at)) *at = mark->next;
  pthread_mutex_unlock(&set->lock);
  free(mark);
}
static inline int32_t rlx_author_set_usage(rlx_param_set* set, const void* in, rlx_usage_out* out,
                                           rlx_error* error) {
  uint32_t none, i;
  rlx_usage_out made = {sizeof made, 0, 0, 0, 0};
  const int32_t status = RLX_AUTHOR_BEGIN("usage", set, none, 4, 32);
  for (i = 0; !status && i < set->count; ++i) {
    made.source_bytes += set->entries[i] ? set->entries[i]->bytes : 0;
    made.shared_bytes += set->entries[i] && __atomic_load_n(&set->entries[i]->users, __ATOMIC_RELAXED) > 1
                             ? set->entries[i]->bytes
                             : 0;
  }
  return status ? status : RLX_AUTHOR_WRITE(made, 32);
}

/* Whether `set` may be used for a run: the image has no params, or the set is of this device, sealed and
 * prepared. */
static inline int32_t rlx_author_check_set(const rlx_executable* executable, const rlx_param_set* set,
                                           rlx_error* error) {
  const rlx_author_executable own = rlx_author_describe(executable);
  rlx_param_set* const open = (rlx_param_set*)(uintptr_t)set; /* for its lock alone */
  int found;
  if (!rlx_lir_count(own.image, RLX_LIR_PARAMS)) return RLX_STATUS_OK;
  if (!set || set->device != own.device)
    return RLX_AUTHOR_FAIL(INVALID_ARGUMENT, 0, "execute: the param set is null or of another device");
  pthread_mutex_lock(&open->lock);
  found = set->sealed && *rlx_author_find_mark(open, own.id) != NULL;
  pthread_mutex_unlock(&open->lock);
  return found ? RLX_STATUS_OK
               : RLX_AUTHOR_FAIL(FAILED_PRECONDITION, 0,
                                 "execute: the param set is not sealed, or not prepared for this executable");
}

/* The bytes of param `index` of the image, after rlx_author_check_set. */
static inline const char* rlx_author_param(const rlx_lir_image* image, const rlx_param_set* set,
                                           uint32_t index) {
  return set->entries[((const rlx_lir_param*)rlx_lir_at(image, RLX_LIR_PARAMS, index))->set_index]->data;
}

/* For rlx_author_bind: where a view's bytes lie; `device` is an rlx_device. Null for what lies nowhere. */
static inline char* rlx_author_host_memory(void* device, const rlx_view* view) {
  if (view->host || !view->buffer) return (char*)view->host;
  if (view->buffer->device != (rlx_device*)device ||
      rlx_author_outside(view->buffer, view->offset, view->bytes))
    return NULL;
  return view->buffer->data + view->offset;
}

/* The one arena of a context, `bytes` long (0: there is none), in *memory. */
static inline int32_t rlx_author_host_arena(rlx_device* device, const rlx_context_create_in* in,
                                            uint64_t bytes, char** memory, rlx_error* error) {
  rlx_view view = {NULL, NULL, 0, 0, 0, 0, NULL, NULL};
  *memory = NULL;
  if (in->arena_count != (bytes ? 1u : 0u) ||
      (bytes && (!in->arenas || in->arena_stride < sizeof *in->arenas)))
    return RLX_AUTHOR_FAIL(INVALID_ARGUMENT, in->arena_count,
                           "context_create: %u arenas, wanted those of executable_info", in->arena_count);
  if (!bytes) return RLX_STATUS_OK;
  view.host = in->arenas->host, view.buffer = in->arenas->buffer, view.offset = in->arenas->offset,
  view.bytes = in->arenas->bytes;
  *memory = rlx_author_host_memory(device, &view);
  if (*memory && view.bytes >= bytes && (uintptr_t)*memory % 64 == 0) return RLX_STATUS_OK;
  return RLX_AUTHOR_FAIL(INVALID_ARGUMENT, 0,
                         "context_create: arena 0 has %llu bytes, wanted %llu of this device, aligned to 64",
                         (unsigned long long)view.bytes, (unsigned long long)bytes);
}

static const rlx_buffer_1 rlx_author_host_buffer = {rlx_author_buffer_alloc, rlx_author_buffer_free,
                                                    rlx_author_buffer_write, rlx_author_buffer_read,
                                                    rlx_author_buffer_copy,  NULL};
static const rlx_params_1 rlx_author_host_params = {
    rlx_author_set_create,  rlx_author_set_put,     rlx_author_set_seal, rlx_author_set_prepare,
    rlx_author_set_release, rlx_author_set_destroy, rlx_author_set_usage};

#ifdef __cplusplus
}
#endif

#endif /* RLX_AUTHOR_HOST_H_ */
