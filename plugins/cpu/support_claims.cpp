// SPDX-License-Identifier: Apache-2.0
// The claim rows. Every kernel takes operands of any strides, so nothing asks the core for copies.
#include "support_claims.h"

#include <rlx/ops.h>

namespace rlx_cpu {
namespace {

constexpr uint64_t kAnyLayout = 0xAAAAAAAAAAAAAAAAu;  // RLX_LAYOUT_ANY for each operand
constexpr uint64_t kAllFunctions = ~uint64_t(0);
constexpr uint64_t kFloats = RLX_DTYPE_BIT(RLX_DTYPE_F16) | RLX_DTYPE_BIT(RLX_DTYPE_BF16) |
                             RLX_DTYPE_BIT(RLX_DTYPE_F32) | RLX_DTYPE_BIT(RLX_DTYPE_F64);
constexpr uint64_t kInts = RLX_DTYPE_BIT(RLX_DTYPE_I8) | RLX_DTYPE_BIT(RLX_DTYPE_I16) |
                           RLX_DTYPE_BIT(RLX_DTYPE_I32) | RLX_DTYPE_BIT(RLX_DTYPE_I64) |
                           RLX_DTYPE_BIT(RLX_DTYPE_U8) | RLX_DTYPE_BIT(RLX_DTYPE_U16) |
                           RLX_DTYPE_BIT(RLX_DTYPE_U32) | RLX_DTYPE_BIT(RLX_DTYPE_U64);
constexpr uint64_t kNumbers = kFloats | kInts;
constexpr uint64_t kBool = RLX_DTYPE_BIT(RLX_DTYPE_BOOL);
constexpr uint64_t kAll = kNumbers | kBool;
constexpr uint64_t kF32 = RLX_DTYPE_BIT(RLX_DTYPE_F32);
constexpr uint32_t kPrecisions = RLX_PRECISION_F32 | RLX_PRECISION_F32_STRICT | RLX_PRECISION_TF32 |
                                 RLX_PRECISION_BF16 | RLX_PRECISION_F16;

constexpr uint64_t functions(uint32_t last) { return (uint64_t(2) << last) - 2; }

constexpr rlx_claim row(uint32_t opcode, uint64_t dtypes, uint64_t fns = kAllFunctions) {
  return {opcode,       1,           1,
          RLX_MAX_RANK, dtypes,      fns,
          kAnyLayout,   kPrecisions, RLX_CLAIM_DETERMINISTIC | RLX_CLAIM_ROW_INVARIANT};
}

constexpr rlx_claim kRows[] = {
    row(RLX_OP_COPY, kAll),
    row(RLX_OP_UNARY, kAll, functions(RLX_UNARY_ISINF_NEG)),
    row(RLX_OP_BINARY, kAll, functions(RLX_BINARY_SHR_LOGICAL)),
    row(RLX_OP_COMPARE, kAll, functions(RLX_COMPARE_GE)),
    row(RLX_OP_SELECT, kAll),
    row(RLX_OP_CAST, kAll),
    row(RLX_OP_BITCAST, kAll),
    row(RLX_OP_IOTA, kAll),
    row(RLX_OP_DYNAMIC_SLICE, kAll),
    row(RLX_OP_DYNAMIC_UPDATE_SLICE, kAll),
    row(RLX_OP_CONCAT, kAll),
    row(RLX_OP_PAD, kAll),
    row(RLX_OP_GATHER, kAll),
    row(RLX_OP_GATHER_ELEMENTS, kAll),
    row(RLX_OP_GATHER_ND, kAll),
    row(RLX_OP_SCATTER_ELEMENTS, kAll),
    row(RLX_OP_SCATTER_ND, kAll),
    row(RLX_OP_REDUCE, kAll, functions(RLX_REDUCE_ANY)),
    row(RLX_OP_ARG_REDUCE, kAll, functions(RLX_REDUCE_MIN)),
    row(RLX_OP_CUMULATE, kNumbers, functions(RLX_REDUCE_MIN)),
    row(RLX_OP_TOP_K, kAll),
    row(RLX_OP_NONZERO, kAll),
    row(RLX_OP_DOT, kAll),
    row(RLX_OP_CONV, kAll),
    row(RLX_OP_REDUCE_WINDOW, kNumbers, functions(RLX_REDUCE_MAX)),
    row(RLX_OP_RNG_BITS, RLX_DTYPE_BIT(RLX_DTYPE_U32)),
    row(RLX_OP_IF, kAll),
    row(RLX_OP_WHILE, kAll),
    row(RLX_OP_LINEAR, kF32),
    row(RLX_OP_ELEMENTWISE, kAll),
    row(RLX_OP_SOFTMAX, kFloats),
    row(RLX_OP_LAYER_NORM, kFloats),
    row(RLX_OP_RMS_NORM, kFloats),
    row(RLX_OP_GROUP_NORM, kFloats),
    row(RLX_OP_BATCH_NORM, kFloats),
    row(RLX_OP_ATTENTION, kFloats | kBool | RLX_DTYPE_BIT(RLX_DTYPE_I64) | RLX_DTYPE_BIT(RLX_DTYPE_I32)),
    row(RLX_OP_ROPE, kFloats | RLX_DTYPE_BIT(RLX_DTYPE_I64)),
    row(RLX_OP_GATED_ACT, kFloats),
    row(RLX_OP_EMBED_NORM, kF32 | RLX_DTYPE_BIT(RLX_DTYPE_I64) | RLX_DTYPE_BIT(RLX_DTYPE_I32)),
    row(RLX_OP_SEGMENT_REDUCE, kNumbers, functions(RLX_REDUCE_MIN)),
    row(RLX_OP_CONV_ACT, kF32),
    row(RLX_OP_AVG_POOL, kFloats),
    row(RLX_OP_ACT, kFloats, functions(RLX_ACT_THRESHOLDED_RELU)),
};

}  // namespace

const rlx_claim* claim_rows(uint32_t* count) {
  *count = sizeof kRows / sizeof kRows[0];
  return kRows;
}

}  // namespace rlx_cpu
