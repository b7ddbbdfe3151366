/* SPDX-License-Identifier: Apache-2.0 */
/* rlx.profile/1: where the time of one run went. An ability: a plugin may lack it. */
#ifndef RLX_EXT_PROFILE_H_
#define RLX_EXT_PROFILE_H_

#include <rlx/execute.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One piece of work. Pieces of one thread do not overlap, and lie inside the call. Rows grow at their end. */
typedef struct rlx_profile_slice {
  uint64_t begin_ns; /* since the call began */
  uint64_t end_ns;
  uint32_t op_index; /* in the image's list; RLX_NO_INDEX for work of no one op */
  uint32_t thread;   /* 0 is the caller's; others count up from 1 */
} rlx_profile_slice;

typedef struct rlx_profile_execute_in {
  uint32_t struct_size;
  uint32_t capacity;             /* slices that there is room for */
  const rlx_execute_in* execute; /* what rlx.execute/1 would be given */
  rlx_profile_slice* slices;     /* the caller's; written. May be null where capacity is 0 */
  uint32_t stride;               /* bytes from slice to slice */
  uint32_t reserved;
} rlx_profile_execute_in;

typedef struct rlx_profile_execute_out {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t count; /* all of them, even where there was less room */
} rlx_profile_execute_out;

#define RLX_INTERFACE_PROFILE_1 "rlx.profile/1"
typedef struct rlx_profile_1 {
  /* [per-object] A run as execute of rlx.execute/1 makes it: the same checks, errors and bits. It may allocate and be a
     little slower; a run without it costs nothing more than in a plugin that lacks it. Slices in order of thread, then of
     begin_ns. Errors: those of execute, INVALID_ARGUMENT (execute null, a stride too small). */
  int32_t (*execute)(rlx_context* context, const rlx_profile_execute_in* in, rlx_profile_execute_out* out, rlx_error* error);
} rlx_profile_1;

#ifdef __cplusplus
}
#endif

#endif /* RLX_EXT_PROFILE_H_ */
