// SPDX-License-Identifier: Apache-2.0
// What the compilers of ops share, and their list.
#pragma once

#include <rlx/ops.h>

#include <algorithm>

#include "compile_builder.h"

namespace rlx_cpu {

/// One op under compilation: its operands and results as views, its attributes, and the usual complaints.
class OpContext {
 public:
  OpContext(Builder& builder, const GraphOp& op)
      : b(builder), op_(op), name_(opcode_name(op.record->opcode)) {}

  Builder& b;

  uint32_t operands() const { return op_.record->operand_count; }
  uint32_t results() const { return op_.record->result_count; }
  bool present(uint32_t i) const { return i < operands() && op_.operands[i] != RLX_NO_INDEX; }
  /// Views; the index must exist, see `counts`. By value: making another view may move them.
  ViewId in(uint32_t i) { return b.of(op_.operands[i]); }
  ViewId out(uint32_t i) { return b.of(op_.results[i]); }
  View x(uint32_t i) { return b.view(in(i)); }
  View y(uint32_t i) { return b.view(out(i)); }
  uint32_t index() const { return op_.index; }
  const GraphOp& op() const { return op_; }
  const char* name() const { return name_; }

  int64_t i64(uint32_t key, int64_t otherwise = 0) const { return b.graph().i64(op_, key, otherwise); }
  uint32_t u32(uint32_t key, int64_t otherwise = 0) const {
    return static_cast<uint32_t>(i64(key, otherwise));
  }
  double f64(uint32_t key, double otherwise = 0) const { return b.graph().f64(op_, key, otherwise); }
  std::vector<int64_t> list(uint32_t key) const { return b.graph().list(op_, key); }

  /// The step of this op that reads all present operands and writes all results.
  Builder::Work work(int64_t items, double ns) {
    Builder::Work work{op_.index, items, ns, {}, {}};
    for (uint32_t i = 0; i < operands(); ++i) {
      if (present(i)) work.reads.push_back(in(i));
    }
    for (uint32_t i = 0; i < results(); ++i) work.writes.push_back(out(i));
    return work;
  }

  /// Empty where the first `least` operands are present and there are so many results.
  std::optional<Answer> counts(uint32_t least, uint32_t most, uint32_t results_least, uint32_t results_most) {
    if (operands() < least || operands() > most)
      return refuse("%s has %u operands, wanted %u to %u", name_, operands(), least, most);
    if (results() < results_least || results() > results_most)
      return refuse("%s has %u results, wanted %u to %u", name_, results(), results_least, results_most);
    for (uint32_t i = 0; i < least; ++i) {
      if (!present(i)) return about(i, "is absent");
    }
    return std::nullopt;
  }
  Answer about(uint32_t operand, const char* why) {
    Answer answer = refuse("%s: operand %u %s", name_, operand, why);
    answer.operand = operand;
    return answer;
  }
  Answer about_attr(uint32_t key, const char* why) {
    Answer answer = refuse("%s: attribute %u %s", name_, key, why);
    answer.attribute = key;
    return answer;
  }
  Answer wrong_dims() { return refuse("%s: dims of operands and results do not fit together", name_); }
  /// Says that an operand's dtype, or the function for it, has no kernel; does not depend on sizes.
  Answer no_dtype(uint32_t operand, uint32_t dtype) {
    Answer answer =
        refuse("%s: operand %u has dtype %u, for which there is no kernel", name_, operand, dtype);
    answer.operand = operand;
    answer.numeric = false;
    return answer;
  }
  /// A non-negative axis below `rank`, or nothing.
  std::optional<uint32_t> axis(uint32_t rank, uint32_t key = RLX_ATTR_AXIS, int64_t otherwise = 0) const {
    const int64_t value = i64(key, otherwise);
    if (value < 0 || value >= static_cast<int64_t>(rank)) return std::nullopt;
    return static_cast<uint32_t>(value);
  }

 private:
  const GraphOp& op_;
  const char* name_;
};

inline bool same_dims(const View& a, const View& b) {
  return a.rank == b.rank && std::equal(a.dims, a.dims + a.rank, b.dims);
}
inline bool is_float_dtype(uint32_t dtype) { return dtype >= RLX_DTYPE_F16 && dtype <= RLX_DTYPE_F64; }
inline bool is_integer_dtype(uint32_t dtype) { return dtype >= RLX_DTYPE_I8 && dtype <= RLX_DTYPE_U64; }

/// ACT_ALPHA and ACT_BETA of activation `act`, the usual ones (ONNX's) where the op does not say.
struct ActParams {
  double alpha = 0;
  double beta = 0;
};
ActParams act_params(const OpContext& c, uint32_t act);

/// Rows of `columns` elements (the dims from `axis` on) that lie one stride apart; their elements lie
/// together.
struct Rows {
  int64_t count = 1;
  int64_t columns = 1;
  int64_t stride = 0;
};
/// Nothing where the view does not lie like that.
std::optional<Rows> rows_of(const View& view, uint32_t axis);

#define RLX_CPU_REQUIRE(expression)                   \
  do {                                                \
    if (auto refused = (expression)) return *refused; \
  } while (false)

// compile_pointwise.cpp
Answer compile_copy(Builder&, const GraphOp&);
Answer compile_unary(Builder&, const GraphOp&);
Answer compile_binary(Builder&, const GraphOp&);
Answer compile_compare(Builder&, const GraphOp&);
Answer compile_select(Builder&, const GraphOp&);
Answer compile_cast(Builder&, const GraphOp&);
Answer compile_bitcast(Builder&, const GraphOp&);
Answer compile_iota(Builder&, const GraphOp&);
Answer compile_act(Builder&, const GraphOp&);
Answer compile_gated_act(Builder&, const GraphOp&);
// compile_elementwise.cpp
Answer compile_elementwise(Builder&, const GraphOp&);
// compile_movement.cpp
Answer compile_dynamic_slice(Builder&, const GraphOp&);
Answer compile_dynamic_update_slice(Builder&, const GraphOp&);
Answer compile_concat(Builder&, const GraphOp&);
Answer compile_pad(Builder&, const GraphOp&);
Answer compile_gather(Builder&, const GraphOp&);
Answer compile_gather_elements(Builder&, const GraphOp&);
Answer compile_gather_nd(Builder&, const GraphOp&);
Answer compile_scatter_elements(Builder&, const GraphOp&);
Answer compile_scatter_nd(Builder&, const GraphOp&);
Answer compile_rng_bits(Builder&, const GraphOp&);
// compile_reduce.cpp
Answer compile_reduce(Builder&, const GraphOp&);
Answer compile_segment_reduce(Builder&, const GraphOp&);
Answer compile_arg_reduce(Builder&, const GraphOp&);
Answer compile_cumulate(Builder&, const GraphOp&);
Answer compile_top_k(Builder&, const GraphOp&);
Answer compile_nonzero(Builder&, const GraphOp&);
Answer compile_reduce_window(Builder&, const GraphOp&);
Answer compile_avg_pool(Builder&, const GraphOp&);
// compile_contraction.cpp
Answer compile_dot(Builder&, const GraphOp&);
Answer compile_linear(Builder&, const GraphOp&);
// compile_conv.cpp
Answer compile_conv(Builder&, const GraphOp&);
Answer compile_conv_act(Builder&, const GraphOp&);
// compile_norm.cpp
Answer compile_softmax(Builder&, const GraphOp&);
Answer compile_layer_norm(Builder&, const GraphOp&);
Answer compile_rms_norm(Builder&, const GraphOp&);
Answer compile_group_norm(Builder&, const GraphOp&);
Answer compile_batch_norm(Builder&, const GraphOp&);
// compile_attention.cpp
Answer compile_attention(Builder&, const GraphOp&);
Answer compile_rope(Builder&, const GraphOp&);
// compile_embed.cpp
Answer compile_embed_norm(Builder&, const GraphOp&);
// compile_control.cpp
Answer compile_if(Builder&, const GraphOp&);
Answer compile_while(Builder&, const GraphOp&);

}  // namespace rlx_cpu
