/* SPDX-License-Identifier: Apache-2.0 */
/* What the host offers to a plugin: services by id, every one optional to use. A plugin must work, with the same
   results, where the host offers none. Tables are frozen: another slot is another revision of the id. */
#ifndef RLX_HOST_SERVICES_H_
#define RLX_HOST_SERVICES_H_

#include <rlx/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The host as a plugin sees it. Frozen. Valid from plugin open to plugin close.
   get_service: the table of `id`, or null where the host has none; the table lives as long as the host. [any-thread] */
typedef struct rlx_host {
  void* user; /* first argument of every service call */
  const void* (*get_service)(void* user, rlx_str id);
} rlx_host;

#define RLX_HOST_LOG_1 "rlx.host.log/1"
#define RLX_LOG_DEBUG 0u
#define RLX_LOG_INFO 1u
#define RLX_LOG_WARNING 2u
#define RLX_LOG_ERROR 3u
typedef struct rlx_host_log_1 {
  void (*write)(void* user, uint32_t level, rlx_str message); /* [any-thread] message is borrowed for the call */
} rlx_host_log_1;

#define RLX_HOST_ALLOC_1 "rlx.host.alloc/1"
typedef struct rlx_host_alloc_1 {
  void* (*alloc)(void* user, uint64_t bytes, uint64_t alignment); /* [any-thread] null when exhausted */
  void (*free)(void* user, void* memory, uint64_t bytes);          /* [any-thread] null does nothing */
} rlx_host_alloc_1;

#define RLX_HOST_TRACE_1 "rlx.host.trace/1"
typedef struct rlx_host_trace_1 {
  void (*span)(void* user, uint64_t trace_id, rlx_str name, uint64_t begin_ns, uint64_t end_ns); /* [any-thread] */
} rlx_host_trace_1;

/* The one team of the process, lent. */
#define RLX_HOST_THREADS_1 "rlx.host.threads/1"
typedef struct rlx_host_threads_1 {
  /* How many threads a team can have at most, the caller included; at least 1. [any-thread] */
  uint32_t (*concurrency)(void* user);
  /* Calls body(context, piece) for 0 <= piece < count: in any order, perhaps all on the caller; no piece may wait for
     another. Returns when all are done. [any-thread] */
  void (*parallel_for)(void* user, uint64_t count, void (*body)(void* context, uint64_t piece), void* context);
  /* Calls body(context, member, size) for 0 <= member < size on `size` threads at once, the caller being member 0, and
     returns `size`, 1 <= size <= want: as many as are free now. Members may wait for each other. [any-thread] */
  uint32_t (*team)(void* user, uint32_t want, void (*body)(void* context, uint32_t member, uint32_t size), void* context);
} rlx_host_threads_1;

#define RLX_HOST_CACHE_1 "rlx.host.cache/1"
typedef struct rlx_host_cache_1 {
  /* Copies at most `capacity` bytes of the entry to `data` and returns its size, or 0 where there is none. What comes
     back may be old or damaged: verify it. [any-thread] */
  uint64_t (*get)(void* user, rlx_str key, void* data, uint64_t capacity);
  void (*put)(void* user, rlx_str key, const void* data, uint64_t bytes); /* [any-thread] may forget */
} rlx_host_cache_1;

#ifdef __cplusplus
}
#endif

#endif /* RLX_HOST_SERVICES_H_ */
