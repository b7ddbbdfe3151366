/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the operation set: opcodes, functions, attribute keys. Append-only, never reused. The registry
   (registry/rlx.json) holds the prose of each: operands, dtypes, rounding, NaN, index policy, empty extents. */
#ifndef RLX_OPS_H_
#define RLX_OPS_H_

/* ---- Primitives (1..255). Operands -> results; attributes. ------------------------------------------------------- */
#define RLX_OP_COPY 1u            /* x (any strides) -> y (dense) */
#define RLX_OP_UNARY 2u           /* x -> y; FN (RLX_UNARY_*) */
#define RLX_OP_BINARY 3u          /* a, b -> y; FN (RLX_BINARY_*); same dtype and rank, dims equal or 1 */
#define RLX_OP_COMPARE 4u         /* a, b -> bool; FN (RLX_COMPARE_*) */
#define RLX_OP_SELECT 5u          /* cond bool, t, f -> y */
#define RLX_OP_CAST 6u            /* x -> y; TO, ROUND, OVERFLOW */
#define RLX_OP_BITCAST 7u         /* x -> y; TO (same width) */
#define RLX_OP_IOTA 8u            /* -> y; AXIS, DIMS, TO */
#define RLX_OP_DIM 9u             /* MIR only: -> i64 scalar; VALUE (expression) */
#define RLX_OP_RESHAPE 10u        /* MIR only: x -> y; DIMS */
#define RLX_OP_TRANSPOSE 11u      /* MIR only: x -> y; PERM */
#define RLX_OP_BROADCAST 12u      /* MIR only: x -> y; DIMS; numpy rule, right-aligned */
#define RLX_OP_SLICE 13u          /* MIR only: x -> y; START, LIMIT, STEP per axis */
#define RLX_OP_DYNAMIC_SLICE 14u  /* x, start i64[rank] -> y; SIZES (= result dims), INDEX_POLICY error or clamp */
#define RLX_OP_DYNAMIC_UPDATE_SLICE 15u /* x, u, start i64[rank] -> x'; INDEX_POLICY error or clamp */
#define RLX_OP_CONCAT 16u         /* x0..xn -> y; AXIS */
#define RLX_OP_PAD 17u            /* x, value scalar -> y; LOW, HIGH, INTERIOR per axis; MODE (RLX_PAD_*) */
#define RLX_OP_GATHER 18u         /* data, idx -> y; AXIS, BATCH_DIMS, INDEX_POLICY, NEGATIVE_INDICES */
#define RLX_OP_GATHER_ELEMENTS 19u /* data, idx -> y; AXIS, INDEX_POLICY, NEGATIVE_INDICES */
#define RLX_OP_GATHER_ND 20u      /* data, idx[..,k] -> y; BATCH_DIMS, INDEX_POLICY, NEGATIVE_INDICES */
#define RLX_OP_SCATTER_ELEMENTS 21u /* x, idx, u -> y; AXIS, REDUCE, INDEX_POLICY, NEGATIVE_INDICES */
#define RLX_OP_SCATTER_ND 22u     /* x, idx[..,k], u -> y; REDUCE, INDEX_POLICY, NEGATIVE_INDICES */
#define RLX_OP_REDUCE 23u         /* x -> y; FN (RLX_REDUCE_*), AXES, KEEP, ACC */
#define RLX_OP_ARG_REDUCE 24u     /* x -> i64; FN max or min, AXIS, KEEP, TIE */
#define RLX_OP_CUMULATE 25u       /* x -> y; FN (RLX_REDUCE_* sum prod max min), AXIS, EXCLUSIVE, REVERSE */
#define RLX_OP_TOP_K 26u          /* x -> values, i64 indices; K, AXIS, LARGEST, SORTED; ties to the lower index */
#define RLX_OP_NONZERO 27u        /* x -> i64[rank, cap], i64 count scalar; CAP */
#define RLX_OP_DOT 28u            /* a, b -> y [batch, a free, b free]; CONTRACT_A, CONTRACT_B, BATCH_A, BATCH_B, ACC;
                                     8-bit integers may differ in sign and give ACC (i32) */
#define RLX_OP_CONV 29u           /* x[N,C,s..], w[O,C/g,k..] -> y; STRIDES, LOW, HIGH, DILATION, INPUT_DILATION, GROUPS, ACC;
                                     dtypes as dot */
#define RLX_OP_REDUCE_WINDOW 30u  /* x[N,C,s..] -> y [, i64 index]; FN max or sum; WINDOW, STRIDES, DILATION, LOW, HIGH */
#define RLX_OP_RNG_BITS 31u       /* key u32[2], counter u32[4] -> u32; DIMS; Philox 4x32-10 */
#define RLX_OP_IF 32u             /* pred bool scalar, captures.. -> r..; regions then, else */
#define RLX_OP_WHILE 33u          /* carried.. -> r..; regions cond, body; TRIP_COUNT optional */

/* ---- Composites (256..): an op with a region, its expansion. -------------------------------------------------------
   linear: operands are x, then w0..wn-1, then (HAS_BIAS) b0..bn-1, then (HAS_RESIDUAL, n = 1) residual. */
#define RLX_OP_LINEAR 256u        /* y_i = act(alpha_i * x.w_i + b_i) + residual; PARTS, W_LAYOUT, HAS_BIAS, HAS_RESIDUAL, ALPHAS, ACT, ACT_ALPHA, ACT_BETA, ACC */
#define RLX_OP_ELEMENTWISE 257u   /* x0..xn -> y0..ym; the region is the step list, plus ACT steps */
#define RLX_OP_SOFTMAX 258u       /* x -> y; AXIS, LOG */
#define RLX_OP_LAYER_NORM 259u    /* x [, residual], gamma, beta -> y [, x+residual]; AXIS (first), EPS, HAS_RESIDUAL */
#define RLX_OP_RMS_NORM 260u      /* x [, residual], gamma -> y [, x+residual]; AXIS (first), EPS, GAMMA_OFFSET, HAS_RESIDUAL */
#define RLX_OP_GROUP_NORM 261u    /* x[N,C,s..], gamma[C], beta[C] -> y; GROUPS, EPS */
#define RLX_OP_BATCH_NORM 262u    /* x, gamma, beta, mean, var -> y; EPS, AXIS (channel) */
#define RLX_OP_ATTENTION 263u     /* q[B,H,Sq,D], k[B,Hkv,Sk,D], v[B,Hkv,Sk,Dv] [, mask] -> y[B,H,Sq,Dv]; SCALE, SOFTCAP,
                                     CAUSAL, WINDOW_LEFT, WINDOW_RIGHT, MASK_KIND */
#define RLX_OP_ROPE 264u          /* x[B,H,S,D], cos, sin [, positions i64[B,S]] -> y; ROTARY_DIMS, INTERLEAVED */
#define RLX_OP_GATED_ACT 265u     /* a, b -> act(a)*b; ACT */
#define RLX_OP_EMBED_NORM 266u    /* n ids, n tables, gamma, beta -> y; PARTS, EPS, INDEX_POLICY, NEGATIVE_INDICES */
#define RLX_OP_SEGMENT_REDUCE 267u /* x, seq_offsets -> y; FN */
#define RLX_OP_CONV_ACT 268u      /* x, w [, b] [, residual] -> act(conv + b + residual); conv attributes, ACT, HAS_BIAS, HAS_RESIDUAL */
#define RLX_OP_CONV_TRANSPOSE 269u
#define RLX_OP_AVG_POOL 270u      /* x -> y; WINDOW, STRIDES, DILATION, LOW, HIGH, COUNT_INCLUDE_PAD */
#define RLX_OP_RESIZE 271u
#define RLX_OP_QUANTIZE 272u
#define RLX_OP_DEQUANTIZE 273u
#define RLX_OP_DYNAMIC_QUANTIZE 274u
#define RLX_OP_QLINEAR 275u
#define RLX_OP_LSTM 276u
#define RLX_OP_GRU 277u
#define RLX_OP_KV_APPEND 278u
#define RLX_OP_LINEAR_ATTENTION 279u
#define RLX_OP_CAUSAL_CONV 280u
#define RLX_OP_GROUPED_LINEAR 281u
#define RLX_OP_DFT 282u
#define RLX_OP_NMS 283u
#define RLX_OP_ROW_CHAIN 284u     /* reserved: consecutive ops that map row r to row r; nothing but a region */
#define RLX_OP_ACT 285u           /* x -> y; FN (RLX_ACT_*), ACT_ALPHA, ACT_BETA: one named activation */
#define RLX_OP_VENDOR_FIRST 0x80000000u

/* ---- FN of unary -------------------------------------------------------------------------------------------------- */
#define RLX_UNARY_NEG 1u
#define RLX_UNARY_ABS 2u
#define RLX_UNARY_SIGN 3u
#define RLX_UNARY_FLOOR 4u
#define RLX_UNARY_CEIL 5u
#define RLX_UNARY_TRUNC 6u
#define RLX_UNARY_ROUND_EVEN 7u
#define RLX_UNARY_EXP 8u
#define RLX_UNARY_EXPM1 9u
#define RLX_UNARY_LOG 10u
#define RLX_UNARY_LOG1P 11u
#define RLX_UNARY_SQRT 12u
#define RLX_UNARY_RSQRT 13u
#define RLX_UNARY_RECIP 14u
#define RLX_UNARY_SIN 15u
#define RLX_UNARY_COS 16u
#define RLX_UNARY_TAN 17u
#define RLX_UNARY_ASIN 18u
#define RLX_UNARY_ACOS 19u
#define RLX_UNARY_ATAN 20u
#define RLX_UNARY_SINH 21u
#define RLX_UNARY_COSH 22u
#define RLX_UNARY_TANH 23u
#define RLX_UNARY_ASINH 24u
#define RLX_UNARY_ACOSH 25u
#define RLX_UNARY_ATANH 26u
#define RLX_UNARY_ERF 27u
#define RLX_UNARY_SIGMOID 28u
#define RLX_UNARY_NOT 29u
#define RLX_UNARY_ISNAN 30u       /* -> bool */
#define RLX_UNARY_ISINF_POS 31u   /* -> bool */
#define RLX_UNARY_ISINF_NEG 32u   /* -> bool */

/* ---- FN of binary (integer div truncates; max and min propagate NaN) ----------------------------------------------- */
#define RLX_BINARY_ADD 1u
#define RLX_BINARY_SUB 2u
#define RLX_BINARY_MUL 3u
#define RLX_BINARY_DIV 4u
#define RLX_BINARY_MOD_FLOOR 5u
#define RLX_BINARY_MOD_TRUNC 6u
#define RLX_BINARY_POW 7u
#define RLX_BINARY_MAX 8u
#define RLX_BINARY_MIN 9u
#define RLX_BINARY_AND 10u
#define RLX_BINARY_OR 11u
#define RLX_BINARY_XOR 12u
#define RLX_BINARY_SHL 13u
#define RLX_BINARY_SHR_LOGICAL 14u

#define RLX_COMPARE_EQ 1u
#define RLX_COMPARE_NE 2u
#define RLX_COMPARE_LT 3u
#define RLX_COMPARE_LE 4u
#define RLX_COMPARE_GT 5u
#define RLX_COMPARE_GE 6u

#define RLX_REDUCE_SUM 1u
#define RLX_REDUCE_PROD 2u
#define RLX_REDUCE_MAX 3u
#define RLX_REDUCE_MIN 4u
#define RLX_REDUCE_ALL 5u
#define RLX_REDUCE_ANY 6u

/* ---- Named activations: ACT of composites, FN of RLX_OP_ACT -------------------------------------------------------- */
#define RLX_ACT_NONE 0u
#define RLX_ACT_RELU 1u
#define RLX_ACT_LEAKY_RELU 2u     /* ACT_ALPHA = slope */
#define RLX_ACT_CLIP 3u           /* ACT_ALPHA = low, ACT_BETA = high */
#define RLX_ACT_GELU_ERF 4u
#define RLX_ACT_GELU_TANH 5u
#define RLX_ACT_SILU 6u
#define RLX_ACT_SIGMOID 7u
#define RLX_ACT_TANH 8u
#define RLX_ACT_HARD_SIGMOID 9u   /* max(0, min(1, alpha*x + beta)) */
#define RLX_ACT_HARD_SWISH 10u    /* x * max(0, min(1, x/6 + 0.5)) */
#define RLX_ACT_SOFTPLUS 11u
#define RLX_ACT_MISH 12u
#define RLX_ACT_ELU 13u           /* ACT_ALPHA */
#define RLX_ACT_SELU 14u          /* ACT_ALPHA, ACT_BETA = gamma */
#define RLX_ACT_CELU 15u          /* ACT_ALPHA */
#define RLX_ACT_SOFTSIGN 16u
#define RLX_ACT_SHRINK 17u        /* ACT_ALPHA = lambd, ACT_BETA = bias */
#define RLX_ACT_THRESHOLDED_RELU 18u /* ACT_ALPHA */

/* ---- Small closed sets of attribute values -------------------------------------------------------------------------- */
#define RLX_ROUND_EVEN 0u
#define RLX_ROUND_ZERO 1u
#define RLX_OVERFLOW_SATURATE 0u
#define RLX_OVERFLOW_WRAP 1u
#define RLX_OVERFLOW_INF 2u
#define RLX_INDEX_ERROR 0u
#define RLX_INDEX_CLAMP 1u
#define RLX_INDEX_ZERO 2u
#define RLX_PAD_CONST 0u
#define RLX_PAD_EDGE 1u
#define RLX_PAD_REFLECT 2u
#define RLX_PAD_WRAP 3u
#define RLX_SCATTER_SET 0u
#define RLX_SCATTER_ADD 1u
#define RLX_SCATTER_MUL 2u
#define RLX_SCATTER_MIN 3u
#define RLX_SCATTER_MAX 4u
#define RLX_TIE_FIRST 0u
#define RLX_TIE_LAST 1u
#define RLX_W_LAYOUT_KN 0u        /* w is [K, N] */
#define RLX_W_LAYOUT_NK 1u        /* w is [N, K] */
#define RLX_CAUSAL_NONE 0u
#define RLX_CAUSAL_TOP_LEFT 1u    /* query i sees keys j <= i */
#define RLX_CAUSAL_BOTTOM_RIGHT 2u /* query i sees keys j <= i + Sk - Sq */
#define RLX_CAUSAL_LENGTH 3u      /* with MASK_LENGTHS: query i of batch b sees keys j <= i + lengths[b] - Sq */
#define RLX_MASK_NONE 0u
#define RLX_MASK_BOOL 1u          /* true = may attend; broadcasts to [B,H,Sq,Sk] */
#define RLX_MASK_BIAS 2u          /* added to the scaled scores; broadcasts to [B,H,Sq,Sk] */
#define RLX_MASK_KEY_BOOL 3u      /* bool [B,Sk]: true = key may be attended */
#define RLX_MASK_LENGTHS 4u       /* i64 [B]: keys at or past it are masked */
#define RLX_MASK_SEQ_OFFSETS 5u   /* i32 or i64 [N+1], ascending in 0..Sk, Sq = Sk: rows o[n]..o[n+1]-1 see one another only */

/* ---- Attribute keys (the image sorts by number) ---------------------------------------------------------------------- */
#define RLX_ATTR_FN 1u
#define RLX_ATTR_TO 2u
#define RLX_ATTR_ROUND 3u
#define RLX_ATTR_OVERFLOW 4u
#define RLX_ATTR_AXIS 5u
#define RLX_ATTR_AXES 6u
#define RLX_ATTR_KEEP 7u
#define RLX_ATTR_ACC 8u
#define RLX_ATTR_TIE 9u
#define RLX_ATTR_EXCLUSIVE 10u
#define RLX_ATTR_REVERSE 11u
#define RLX_ATTR_K 12u
#define RLX_ATTR_LARGEST 13u
#define RLX_ATTR_SORTED 14u
#define RLX_ATTR_CAP 15u
#define RLX_ATTR_VALUE 16u
#define RLX_ATTR_DIMS 17u
#define RLX_ATTR_PERM 18u
#define RLX_ATTR_START 19u
#define RLX_ATTR_LIMIT 20u
#define RLX_ATTR_STEP 21u
#define RLX_ATTR_SIZES 22u
#define RLX_ATTR_INDEX_POLICY 23u
#define RLX_ATTR_NEGATIVE_INDICES 24u
#define RLX_ATTR_BATCH_DIMS 25u
#define RLX_ATTR_REDUCE 26u
#define RLX_ATTR_LOW 27u
#define RLX_ATTR_HIGH 28u
#define RLX_ATTR_INTERIOR 29u
#define RLX_ATTR_MODE 30u
#define RLX_ATTR_CONTRACT_A 31u
#define RLX_ATTR_CONTRACT_B 32u
#define RLX_ATTR_BATCH_A 33u
#define RLX_ATTR_BATCH_B 34u
#define RLX_ATTR_STRIDES 35u
#define RLX_ATTR_DILATION 36u
#define RLX_ATTR_INPUT_DILATION 37u
#define RLX_ATTR_GROUPS 38u
#define RLX_ATTR_WINDOW 39u
#define RLX_ATTR_TRIP_COUNT 40u
#define RLX_ATTR_PARTS 41u
#define RLX_ATTR_W_LAYOUT 42u
#define RLX_ATTR_HAS_BIAS 43u
#define RLX_ATTR_HAS_RESIDUAL 44u
#define RLX_ATTR_ALPHAS 45u
#define RLX_ATTR_ACT 46u
#define RLX_ATTR_ACT_ALPHA 47u
#define RLX_ATTR_ACT_BETA 48u
#define RLX_ATTR_LOG 49u
#define RLX_ATTR_EPS 50u
#define RLX_ATTR_GAMMA_OFFSET 51u
#define RLX_ATTR_SCALE 52u
#define RLX_ATTR_SOFTCAP 53u
#define RLX_ATTR_CAUSAL 54u
#define RLX_ATTR_WINDOW_LEFT 55u  /* -1 = unlimited */
#define RLX_ATTR_WINDOW_RIGHT 56u /* -1 = unlimited */
#define RLX_ATTR_MASK_KIND 57u
#define RLX_ATTR_ROTARY_DIMS 58u
#define RLX_ATTR_INTERLEAVED 59u
#define RLX_ATTR_COUNT_INCLUDE_PAD 60u
#define RLX_ATTR_VENDOR_FIRST 0x80000000u

#endif /* RLX_OPS_H_ */
