// SPDX-License-Identifier: Apache-2.0
// What the device can run: claim rows, and the answer for one op: a row that covers it, then the check of its
// kernel.
#include "kernels.h"
#include "objects.h"

namespace rlx_c0 {
namespace {

constexpr uint64_t kBool = RLX_DTYPE_BIT(RLX_DTYPE_BOOL);
constexpr uint64_t kI64 = RLX_DTYPE_BIT(RLX_DTYPE_I64);
constexpr uint64_t kFloats = RLX_DTYPE_BIT(RLX_DTYPE_F16) | RLX_DTYPE_BIT(RLX_DTYPE_BF16) |
                             RLX_DTYPE_BIT(RLX_DTYPE_F32) | RLX_DTYPE_BIT(RLX_DTYPE_F64);
constexpr uint64_t kInts = RLX_DTYPE_BIT(RLX_DTYPE_I8) | RLX_DTYPE_BIT(RLX_DTYPE_I16) |
                           RLX_DTYPE_BIT(RLX_DTYPE_I32) | kI64 | RLX_DTYPE_BIT(RLX_DTYPE_U8) |
                           RLX_DTYPE_BIT(RLX_DTYPE_U16) | RLX_DTYPE_BIT(RLX_DTYPE_U32) |
                           RLX_DTYPE_BIT(RLX_DTYPE_U64);
constexpr uint64_t kNumbers = kFloats | kInts;
constexpr uint64_t kAll = kNumbers | kBool;
constexpr uint64_t kNoFn = ~uint64_t{0};
constexpr uint64_t kBytes =
    RLX_DTYPE_BIT(RLX_DTYPE_I8) | RLX_DTYPE_BIT(RLX_DTYPE_U8) | RLX_DTYPE_BIT(RLX_DTYPE_I32);

#ifdef RLX_C0_DENSE
constexpr uint64_t kLayouts = 0;
#else
constexpr uint64_t kLayouts = 0xAAAAAAAAAAAAAAAAu;
#endif
#ifdef RLX_C0_UNFLAGGED
constexpr uint32_t kFlags = 0;
#else
constexpr uint32_t kFlags = RLX_CLAIM_DETERMINISTIC | RLX_CLAIM_ROW_INVARIANT;
#endif
#ifdef RLX_C0_LIMBS
constexpr uint32_t kPrecisions = RLX_PRECISION_F32;
#else
constexpr uint32_t kPrecisions = RLX_PRECISION_F32 | RLX_PRECISION_F32_STRICT | RLX_PRECISION_TF32 |
                                 RLX_PRECISION_BF16 | RLX_PRECISION_F16;
#endif

constexpr uint64_t functions(uint32_t first, uint32_t last) {
  return (uint64_t{2} << last) - (uint64_t{1} << first);
}

#if RLX_FAULT == 139  // wider-than-claims
constexpr uint64_t kUnary = kAll & ~RLX_DTYPE_BIT(RLX_DTYPE_F16);
#else
constexpr uint64_t kUnary = kAll;
#endif

#if RLX_FAULT == 230
constexpr uint64_t kConv = (kFloats | kBytes) & ~RLX_DTYPE_BIT(RLX_DTYPE_F16);
#else
constexpr uint64_t kConv = kFloats | kBytes;
#endif

constexpr rlx_claim row(uint32_t opcode, uint64_t dtypes, uint64_t fns = kNoFn) {
  return {opcode,
          1,
          1,
          RLX_MAX_RANK,
          dtypes,
          fns,
          opcode == RLX_OP_COPY ? 0xAAAAAAAAAAAAAAAAu : kLayouts,
          kPrecisions,
          kFlags};
}

struct Kind {
  Check check;
  Run run;
};

// One row and one kind per op, in one order.
constexpr rlx_claim kRows[] = {
    row(RLX_OP_COPY, kAll),
    row(RLX_OP_UNARY, kUnary, functions(RLX_UNARY_NEG, RLX_UNARY_ISINF_NEG)),
    row(RLX_OP_BINARY, kAll, functions(RLX_BINARY_ADD, RLX_BINARY_SHR_LOGICAL)),
    row(RLX_OP_COMPARE, kAll, functions(RLX_COMPARE_EQ, RLX_COMPARE_GE)),
    row(RLX_OP_SELECT, kAll),
    row(RLX_OP_CAST, kAll),
    row(RLX_OP_BITCAST, kAll),
    row(RLX_OP_IOTA, kNumbers),
    row(RLX_OP_DYNAMIC_SLICE, kAll),
    row(RLX_OP_DYNAMIC_UPDATE_SLICE, kAll),
    row(RLX_OP_CONCAT, kAll),
    row(RLX_OP_PAD, kAll),
    row(RLX_OP_GATHER, kAll),
    row(RLX_OP_GATHER_ELEMENTS, kAll),
    row(RLX_OP_GATHER_ND, kAll),
    row(RLX_OP_SCATTER_ELEMENTS, kAll),
    row(RLX_OP_SCATTER_ND, kAll),
    row(RLX_OP_REDUCE, kAll, functions(RLX_REDUCE_SUM, RLX_REDUCE_ANY)),
    row(RLX_OP_ARG_REDUCE, kNumbers, functions(RLX_REDUCE_MAX, RLX_REDUCE_MIN)),
    row(RLX_OP_CUMULATE, kNumbers, functions(RLX_REDUCE_SUM, RLX_REDUCE_MIN)),
    row(RLX_OP_TOP_K, kNumbers),
    row(RLX_OP_NONZERO, kAll),
    row(RLX_OP_DOT, kNumbers),
    row(RLX_OP_CONV, kConv),
    row(RLX_OP_REDUCE_WINDOW, kNumbers, RLX_DTYPE_BIT(RLX_REDUCE_SUM) | RLX_DTYPE_BIT(RLX_REDUCE_MAX)),
    row(RLX_OP_RNG_BITS, RLX_DTYPE_BIT(RLX_DTYPE_U32)),
    row(RLX_OP_IF, kAll),
    row(RLX_OP_WHILE, kAll),
    row(RLX_OP_LINEAR, kFloats),
    row(RLX_OP_ELEMENTWISE, kAll),
    row(RLX_OP_SOFTMAX, kFloats),
    row(RLX_OP_LAYER_NORM, kFloats),
    row(RLX_OP_RMS_NORM, kFloats),
    row(RLX_OP_ATTENTION, kFloats | kBool | kI64),
    row(RLX_OP_GATED_ACT, kFloats),
    row(RLX_OP_CONV_ACT, kFloats),
    row(RLX_OP_AVG_POOL, kFloats),
    row(RLX_OP_SEGMENT_REDUCE, kNumbers, functions(RLX_REDUCE_SUM, RLX_REDUCE_MIN)),
    row(RLX_OP_ACT, kFloats, functions(RLX_ACT_NONE, RLX_ACT_THRESHOLDED_RELU)),
};
constexpr uint32_t kRowCount = sizeof kRows / sizeof *kRows;

#define C0_KIND(name) \
  { check_##name, run_##name }
constexpr Kind kKinds[kRowCount] = {
    C0_KIND(copy),          C0_KIND(unary),
    C0_KIND(binary),        C0_KIND(compare),
    C0_KIND(select),        C0_KIND(cast),
    C0_KIND(bitcast),       C0_KIND(iota),
    C0_KIND(dynamic_slice), C0_KIND(dynamic_update_slice),
    C0_KIND(concat),        C0_KIND(pad),
    C0_KIND(gather),        C0_KIND(gather_elements),
    C0_KIND(gather_nd),     C0_KIND(scatter_elements),
    C0_KIND(scatter_nd),    C0_KIND(reduce),
    C0_KIND(arg_reduce),    C0_KIND(cumulate),
    C0_KIND(top_k),         C0_KIND(nonzero),
    C0_KIND(dot),           C0_KIND(conv),
    C0_KIND(reduce_window), C0_KIND(rng_bits),
    {check_if, nullptr},    {check_while, nullptr},
    C0_KIND(linear),        C0_KIND(elementwise),
    C0_KIND(softmax),       C0_KIND(layer_norm),
    C0_KIND(rms_norm),      C0_KIND(attention),
    C0_KIND(gated_act),     C0_KIND(conv_act),
    C0_KIND(avg_pool),      C0_KIND(segment_reduce),
    C0_KIND(act),
};

constexpr uint32_t kNoRow = RLX_NO_INDEX;

uint32_t row_of(const rlx_lir_op& op) {
  if (op.ns.offset != RLX_NO_INDEX) return kNoRow;
  for (uint32_t n = 0; n < kRowCount; ++n)
    if (kRows[n].opcode == op.opcode) return n;
  return kNoRow;
}

bool inner_dense(const View& view) {
  return is_dense(view) || view.dims[view.rank - 1] <= 1 || view.strides[view.rank - 1] == 1;
}

Answer check_tensor(const rlx_claim& claim, const View& view, uint32_t operand) {
  if (view.dtype == RLX_DTYPE_NONE) return {};
  C0_NEED(view.dtype < 64 && claim.dtypes >> view.dtype & 1 && view.bytes, "a dtype outside the claim",
          operand);
  C0_NEED(view.rank <= claim.max_rank, "a rank above the claim's", operand);
  return {};
}

#define C0_STEP(expression)                    \
  {                                            \
    const Answer c0_answer = (expression);     \
    if (!c0_answer.native()) return c0_answer; \
  }

/// Whether the row covers an op: what the claim says and nothing more.
Answer check_claim(const rlx_claim& claim, const Call& c) {
  C0_NEED(c.op->version >= claim.version_min && c.op->version <= claim.version_max,
          "another version of the op");
  if (claim.functions != kNoFn) {
    const int64_t fn = c.whole(RLX_ATTR_FN, c.op->opcode == RLX_OP_ARG_REDUCE ? int64_t{RLX_REDUCE_MAX} : 0);
    C0_NEED(fn >= 0 && fn < 64 && claim.functions >> fn & 1, "an unknown function", RLX_NO_INDEX,
            RLX_ATTR_FN);
  }
  for (uint32_t n = 0; n < c.in_count; ++n) {
    C0_STEP(check_tensor(claim, c.in[n], n));
    const uint64_t layout = claim.operand_layouts >> (2 * (n < 31 ? n : 31)) & 3;
    if (c.in[n].dtype == RLX_DTYPE_NONE || layout == RLX_LAYOUT_ANY) continue;
    C0_NEED(layout == RLX_LAYOUT_DENSE ? is_dense(c.in[n]) : inner_dense(c.in[n]),
            "a layout outside the claim", n);
  }
  for (uint32_t n = 0; n < c.out_count; ++n) {
    C0_STEP(check_tensor(claim, c.out[n], RLX_NO_INDEX));
    C0_NEED(is_dense(c.out[n]), "a result that is not dense");
  }
  return {};
}

}  // namespace

bool is_control(const rlx_lir_op& op) {
  return op.ns.offset == RLX_NO_INDEX && (op.opcode == RLX_OP_IF || op.opcode == RLX_OP_WHILE);
}

Run kernel_of(const rlx_lir_op& op) {
  const uint32_t at = row_of(op);
  return at == kNoRow ? nullptr : kKinds[at].run;
}

Answer judge(const Program& program, const Options& options, uint32_t index, const OpViews& room) {
  const rlx_lir_op& op = program.op(index);
  const bool composite = op.region_count == 1 && !is_control(op);
  const uint32_t at = row_of(op);
  if (at == kNoRow || (options.expand && composite))
    return composite ? expand("defined by its region alone")
                     : unsupported("the op is not known and has no region");
  views_of(program, op, room.in, room.out);
  const Call call = {&program,         &program.image,  &op,     index,   room.in, room.out,
                     op.operand_count, op.result_count, nullptr, nullptr, nullptr};
#if RLX_FAULT == 139
  if (op.opcode == RLX_OP_UNARY) {
    if (room.in[0].dtype == RLX_DTYPE_F16) RLX_REACHED();
    return check_unary(call);
  }
#endif
#if RLX_FAULT == 230  // wider-conv
  if (op.opcode == RLX_OP_CONV && room.in[0].dtype == RLX_DTYPE_F16) {
    RLX_REACHED();
    return check_conv(call);
  }
#endif
#if RLX_FAULT == 159  // expand-refused
  if (composite && op.opcode != RLX_OP_ELEMENTWISE) return expand("by its region");
  if (op.opcode == RLX_OP_UNARY && call.whole(RLX_ATTR_FN, 0) == RLX_UNARY_EXP) {
    RLX_REACHED();
    return unsupported("not this function after all");
  }
#endif
#if RLX_FAULT == 137  // answer-by-skeleton
  for (uint32_t n = 0; n < op.operand_count; ++n)
    for (uint32_t axis = 0; axis < room.in[n].rank && op.opcode != RLX_OP_COPY; ++axis)
      if (room.in[n].dims[axis] > 512) return unsupported("larger than the device can", n);
#endif
  const Answer claimed = check_claim(kRows[at], call);
  const Answer answer = claimed.native() ? kKinds[at].check(call) : claimed;
  // A composite that has no kernel for these operands still has its region.
  if (composite && answer.verdict == RLX_VERDICT_UNSUPPORTED)
    return {RLX_VERDICT_EXPAND, answer.operand, answer.attribute, answer.reason, 0};
  return answer;
}

int32_t device_claims(rlx_device* device, const void* in, rlx_claims_out* out, rlx_error* error) {
  C0_WANT(device, "claims: the device");
  C0_TRY(read_none(in, "claims", error));
  C0_TRY(check_out(out, sizeof(rlx_claims_out), "claims", error));
  return write_out(out, rlx_claims_out{sizeof(rlx_claims_out), kRowCount, kRows, sizeof(rlx_claim), 0});
}

namespace {

int32_t answer_all(const rlx_query_support_in& in, const Options& options, Program* program,
                   rlx_error* error) {
  C0_TRY(open_program(program, in.image, in.image_bytes, error));
  const uint32_t ops = program->count(RLX_LIR_OPS);
  if (in.verdict_count < ops)
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, in.verdict_count,
                "query_support: room for %llu verdicts, wanted %u",
                static_cast<unsigned long long>(in.verdict_count), ops);
  if (ops && (!in.verdicts || in.verdict_stride < sizeof(rlx_verdict)))
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, in.verdict_stride,
                "query_support: verdicts are null, or their stride is %u", in.verdict_stride);
  const OpViews room = {make<View>(program->most_operands), make<View>(program->most_results)};
  const bool enough = room.in && room.out;
  for (uint32_t n = 0; enough && n < ops; ++n) {
    Answer answer = judge(*program, options, n, room);
#if RLX_FAULT == 136  // native-by-opcode
    if (!answer.native() && row_of(program->op(n)) != kNoRow) {
      RLX_REACHED();
      answer = Answer();
    }
#endif
#if RLX_FAULT == 137
    uint64_t* known = fault_note(program->image.header->skeleton_hash.low + n)->word;
    if (known[0] == 0) known[0] = 1 + answer.verdict;
    if (known[0] != 1 + answer.verdict) {
      RLX_REACHED();
      answer.verdict = static_cast<uint32_t>(known[0] - 1);
      if (answer.native()) answer = Answer();
    }
#endif
    rlx_verdict verdict = {answer.verdict, answer.operand, answer.attribute, 0, 0, 0, ""};
    if (!answer.native()) strncpy(verdict.reason, answer.reason, sizeof verdict.reason - 1);
    memcpy(reinterpret_cast<char*>(in.verdicts) + uint64_t{n} * in.verdict_stride, &verdict, sizeof verdict);
  }
  release(room.in);
  release(room.out);
  return enough ? RLX_STATUS_OK
                : fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, ops, "query_support: no memory");
}

}  // namespace

int32_t device_query_support(rlx_device* device, const rlx_query_support_in* in, rlx_query_support_out* out,
                             rlx_error* error) {
  C0_WANT(device, "query_support: the device");
  rlx_query_support_in own;
  C0_TRY(read_in(&own, in, "query_support", error));
  C0_TRY(check_out(out, sizeof(rlx_query_support_out), "query_support", error));
  Options options;
  C0_TRY(read_options(&options, own.options, own.option_count, own.option_stride, "query_support", error));
  Program program;
  const int32_t status = answer_all(own, options, &program, error);
  close_program(&program);
  if (status != RLX_STATUS_OK) return status;
  // Which axes are 1 decides what repeats, and sizes decide whether a view is dense.
#if RLX_FAULT == 225  // absent-is-set: of the later field
  uint32_t size = 0;
  if (in) memcpy(&size, in, sizeof size);
  if (size <= sizeof(rlx_query_support_in)) {
    RLX_REACHED();
    return write_out(out, rlx_query_support_out{sizeof(rlx_query_support_out), RLX_DEPENDS_NOTHING});
  }
#endif
  return write_out(out, rlx_query_support_out{sizeof(rlx_query_support_out), RLX_DEPENDS_DIMS});
}

}  // namespace rlx_c0
