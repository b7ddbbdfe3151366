/* SPDX-License-Identifier: Apache-2.0 */
/* rlx.packs/1, a draft: packed weights that the host keeps between processes. The host lists what prepare packed, stores
   the bytes, and offers them (mapped read-only, so that processes share them) to a set of equal weights later. */
#ifndef RLX_EXT_DRAFT_PACKS_H_
#define RLX_EXT_DRAFT_PACKS_H_

#include <rlx/params.h>
#include <rlx/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One packed form. Packs of equal key have equal bytes on every machine: the key is made of the hashes with which the
   entries were put, of how they are laid out, and of whatever else decides the bytes (instruction set, version of the
   layout), so that a plugin on another processor finds no pack of its own among those offered, and packs for itself.
   Rows grow at their end (walk them with the stride). */
typedef struct rlx_pack {
  rlx_hash128 key;    /* zero: it has none, because an entry was put without a hash; such a pack is not kept */
  const void* data;
  uint64_t bytes;
  uint32_t alignment; /* that data must have, a power of two */
  uint32_t reserved;
} rlx_pack;

typedef struct rlx_packs_list_in {
  uint32_t struct_size;
  uint32_t capacity;          /* rows that there is room for */
  rlx_executable* executable; /* for which the set is prepared */
  rlx_pack* rows;             /* the caller's; written; may be null when capacity is 0 */
  uint32_t stride;            /* bytes from row to row */
  uint32_t reserved;
} rlx_packs_list_in;

typedef struct rlx_packs_list_out {
  uint32_t struct_size;
  uint32_t count; /* all of them, even where there was less room */
} rlx_packs_list_out;

/* drop(drop_user) is called exactly once when none of the rows' bytes is needed any more, at the latest when the last set
   that shares them is destroyed, also when offer fails; may be null. Until then the bytes stay readable and unchanged. */
typedef struct rlx_packs_offer_in {
  uint32_t struct_size;
  uint32_t count;
  const rlx_pack* rows; /* read before the call returns */
  uint32_t stride;
  uint32_t reserved;
  void (*drop)(void* user);
  void* drop_user;
} rlx_packs_offer_in;

#define RLX_INTERFACE_PACKS_1 "rlx.packs/1"
typedef struct rlx_packs_1 {
  /* The packs that the executable uses, each once. Their data is readable until the set is released from the executable.
     [any-thread] Errors: FAILED_PRECONDITION (not prepared for it), INVALID_ARGUMENT (stride). */
  int32_t (*list)(rlx_param_set* set, const rlx_packs_list_in* in, rlx_packs_list_out* out, rlx_error* error);
  /* Packs that a later prepare of this set, or of one made with it as base, may use in place instead of packing: those
     whose key it would have made, of the same bytes and well aligned. Others are passed over. The bytes are trusted to
     be what the key says. Before seal. [per-object] Errors: FAILED_PRECONDITION (sealed), INVALID_ARGUMENT (stride, null). */
  int32_t (*offer)(rlx_param_set* set, const rlx_packs_offer_in* in, void* out, rlx_error* error);
} rlx_packs_1;

#ifdef __cplusplus
}
#endif

#endif /* RLX_EXT_DRAFT_PACKS_H_ */
