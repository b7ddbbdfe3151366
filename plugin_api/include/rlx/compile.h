/* SPDX-License-Identifier: Apache-2.0 */
/* rlx.compile/1: what a device can run, and LIR image -> executable. */
#ifndef RLX_COMPILE_H_
#define RLX_COMPILE_H_

#include <rlx/device.h>
#include <rlx/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rlx_executable rlx_executable;
typedef struct rlx_param_set rlx_param_set;

/* ---- Claims: necessary, not sufficient ------------------------------------------------------------------------------ */
#define RLX_LAYOUT_DENSE 0u       /* row-major, no gaps */
#define RLX_LAYOUT_INNER_DENSE 1u /* last dim stride 1, any outer stride */
#define RLX_LAYOUT_ANY 2u         /* any stride, 0 and negative included */

#define RLX_CLAIM_DETERMINISTIC 1u
#define RLX_CLAIM_ROW_INVARIANT 2u /* an output row depends on its inputs alone; implies DETERMINISTIC */

/* Precision classes, as bits: error bounds, not instructions. */
#define RLX_PRECISION_F32 1u
#define RLX_PRECISION_F32_STRICT 2u
#define RLX_PRECISION_TF32 4u
#define RLX_PRECISION_BF16 8u
#define RLX_PRECISION_F16 16u
#define RLX_PRECISION_I8_DYNAMIC 32u

#define RLX_DTYPE_BIT(dtype) ((uint64_t)1 << (dtype))

/* One row: any op of `opcode` outside every row is not NATIVE. Rows grow at their end (read them with the stride). */
typedef struct rlx_claim {
  uint32_t opcode; /* core namespace */
  uint32_t version_min;
  uint32_t version_max;
  uint32_t max_rank;
  uint64_t dtypes;          /* RLX_DTYPE_BIT of every operand and result dtype that may occur */
  uint64_t functions;       /* bit FN of the op (unary, binary, ...); all ones where the op has no FN */
  uint64_t operand_layouts; /* two bits an operand, operand 0 lowest: RLX_LAYOUT_*; from operand 31 on as operand 31 */
  uint32_t precisions;      /* RLX_PRECISION_* bits */
  uint32_t flags;           /* RLX_CLAIM_* */
} rlx_claim;

typedef struct rlx_claims_out {
  uint32_t struct_size;
  uint32_t count;
  const rlx_claim* rows; /* valid until the device is closed */
  uint32_t stride;
  uint32_t reserved;
} rlx_claims_out;

/* ---- Support query ---------------------------------------------------------------------------------------------------- */
#define RLX_VERDICT_UNSUPPORTED 0u
#define RLX_VERDICT_NATIVE 1u
#define RLX_VERDICT_EXPAND 2u /* use the region */

/* One per op of the image, region ops included, in the order of the ops section. Written by the plugin. */
typedef struct rlx_verdict {
  uint32_t verdict;       /* RLX_VERDICT_* */
  uint32_t operand_index; /* the operand that the reason is about, or RLX_NO_INDEX */
  uint32_t attribute_key; /* the attribute that the reason is about, or 0 */
  uint32_t group;         /* ops of one non-zero group stand only together */
  uint64_t est_ns;        /* 0 = no estimate */
  uint64_t est_bytes;
  char reason[128]; /* empty for NATIVE */
} rlx_verdict;

#define RLX_DEPENDS_NOTHING 0u /* the answer holds for every image of this skeleton hash */
#define RLX_DEPENDS_DIMS 1u    /* only for this graph hash */

typedef struct rlx_query_support_in {
  uint32_t struct_size;
  uint32_t option_count;
  const void* image; /* borrowed for the call, 8-byte aligned */
  uint64_t image_bytes;
  const rlx_option* options;
  uint32_t option_stride;
  uint32_t verdict_stride;
  rlx_verdict* verdicts; /* room for one per op of the image; the caller's */
  uint64_t verdict_count;
} rlx_query_support_in;

typedef struct rlx_query_support_out {
  uint32_t struct_size;
  uint32_t depends; /* RLX_DEPENDS_* */
} rlx_query_support_out;

/* ---- Compile ------------------------------------------------------------------------------------------------------------- */
typedef struct rlx_compile_in {
  uint32_t struct_size;
  uint32_t option_count;
  const void* image; /* borrowed for the call, 8-byte aligned */
  uint64_t image_bytes;
  const rlx_option* options;
  uint32_t option_stride;
  uint32_t thread_limit; /* 0 free, 1 start none */
  const rlx_param_set* params; /* sealed; only where WEIGHTS_AT_COMPILE */
  const uint32_t* cpu_set;     /* CPU numbers to stay on, or null */
  uint32_t cpu_count;
  uint32_t reserved;
  const rlx_call* call;
} rlx_compile_in;

typedef struct rlx_compile_out {
  uint32_t struct_size;
  uint32_t reserved;
  rlx_executable* executable;
} rlx_compile_out;

#define RLX_PLAN_FOLLOWED 0u /* the image's plan: arenas as it lists them */
#define RLX_PLAN_OWN 1u      /* the plugin's own */

typedef struct rlx_arena_info {
  uint64_t bytes;
  uint32_t alignment;
  uint32_t space; /* RLX_SPACE_* */
} rlx_arena_info;

typedef struct rlx_executable_info_out {
  uint32_t struct_size;
  uint32_t plan; /* RLX_PLAN_* */
  const rlx_arena_info* arenas; /* exactly what a context is lent, scratch included; valid until the executable goes */
  uint32_t arena_count;
  uint32_t arena_stride;
  uint64_t code_bytes;
  uint64_t pack_key_low; /* executables of equal key share every pack; 0 = says nothing */
  uint64_t pack_key_high;
} rlx_executable_info_out;

#define RLX_INTERFACE_COMPILE_1 "rlx.compile/1"
typedef struct rlx_compile_1 {
  int32_t (*claims)(rlx_device* device, const void* in, rlx_claims_out* out, rlx_error* error); /* [any-thread] */
  /* [any-thread] Errors: INVALID_IMAGE where parts leave the image, UNSUPPORTED for a required section or a version. */
  int32_t (*query_support)(rlx_device* device, const rlx_query_support_in* in, rlx_query_support_out* out, rlx_error* error);
  /* The executable is immutable and may be used by any number of contexts at once. [any-thread]
     Errors: UNSUPPORTED with the op's index, INVALID_IMAGE, OUT_OF_MEMORY, CANCELLED, DEADLINE. */
  int32_t (*compile_lir)(rlx_device* device, const rlx_compile_in* in, rlx_compile_out* out, rlx_error* error);
  void (*executable_destroy)(rlx_executable* executable); /* [per-object] its contexts are gone before */
  int32_t (*executable_info)(rlx_executable* executable, const void* in, rlx_executable_info_out* out, rlx_error* error);
} rlx_compile_1;

#ifdef __cplusplus
}
#endif

#endif /* RLX_COMPILE_H_ */
