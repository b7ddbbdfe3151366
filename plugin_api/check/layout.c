/* SPDX-License-Identifier: Apache-2.0 */
/* Holds every header against the registry: sizes, offsets, numbers. Nothing but static assertions; C and C++. */
#include <rlx/buffer.h>
#include <rlx/compile.h>
#include <rlx/device.h>
#include <rlx/execute.h>
#include <rlx/ext/artifact.h>
#include <rlx/ext/draft/packs.h>
#include <rlx/ext/profile.h>
#include <rlx/host_services.h>
#include <rlx/lir.h>
#include <rlx/ops.h>
#include <rlx/params.h>
#include <rlx/plugin.h>
#include <rlx/types.h>

#ifdef __cplusplus
#define RLX_ASSERT(condition, text) static_assert(condition, text)
#else
#define RLX_ASSERT(condition, text) _Static_assert(condition, text)
#endif
#define RLX_SIZE(type, bytes) RLX_ASSERT(sizeof(type) == bytes, "size of " #type);
#define RLX_FIELD(type, field, place, bytes)                                      \
  RLX_ASSERT(offsetof(type, field) == place, "offset of " #type "." #field);      \
  RLX_ASSERT(sizeof(((type*)0)->field) == bytes, "size of " #type "." #field);
#define RLX_NUMBER(name, number) RLX_ASSERT((uint64_t)(name) == (uint64_t)(number), #name);
#define RLX_TEXT(name, text) RLX_ASSERT(sizeof(name) == sizeof(text), #name);
#include "layout.inc"

#ifdef RLX_SEEDED_FAULT /* a test compiles it, to see that a wrong offset is seen */
RLX_FIELD(rlx_call, user, 0, 8)
#endif
