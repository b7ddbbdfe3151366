// SPDX-License-Identifier: Apache-2.0
// Inference of attention: heads that share keys, and masks of every kind.
#include "runtime/ir/infer_context.h"

namespace rlx::infer_detail {
namespace {

/// The mask broadcasts to, or is laid out for, scores [B, H, Sq, Sk].
Status wants_mask(const Context& c, std::int64_t kind, const Dims& scores) {
  switch (kind) {
    case RLX_MASK_BOOL:
    case RLX_MASK_BIAS: {
      if (kind == RLX_MASK_BOOL) {
        RLX_TRY(c.wants_dtype(3, DType::kBool));
      } else {
        RLX_TRY(c.wants_same_dtype(3, 0));
      }
      const Dims& mask = c.at(3).dims;
      if (mask.size() > 4)
        return c.error(ErrorCode::kShapeMismatch, "operand 3 is ", to_string(c.at(3)), " of rank ",
                       mask.size(), ", wanted at most 4: it broadcasts to ", to_string(scores));
      for (std::size_t i = 0; i < mask.size(); ++i) {
        if (mask[i].is_number() && mask[i].number() == 1) continue;
        RLX_TRY(c.unify(mask[i], scores[4 - mask.size() + i],
                        words("axis ", i, " of the mask ", c.at(3), " against the scores ", scores)));
      }
      return {};
    }
    case RLX_MASK_KEY_BOOL:
      RLX_TRY(c.wants_dtype(3, DType::kBool));
      return c.wants_dims(3, Dims{scores[0], scores[3]});
    case RLX_MASK_SEQ_OFFSETS:
      RLX_TRY(c.wants_dtype(3, Wants::kIndex));
      RLX_TRY(c.wants_rank(3, 1));
      RLX_TRY(c.at_least(c.at(3).dims[0], 1, words("axis 0 of the offsets ", c.at(3))));
      RLX_TRY(c.unify(scores[3], scores[2], words("keys of the scores ", scores, " against queries, which share offsets")));
      return {};
    default:
      RLX_TRY(c.wants_dtype(3, DType::kI64));
      return c.wants_dims(3, Dims{scores[0]});
  }
}

/// Operand `i`'s axis is what operand `as` has there.
Result<Dim> same_axis(const Context& c, std::size_t i, std::size_t as, std::size_t axis) {
  return c.unify(
      c.at(i).dims[axis], c.at(as).dims[axis],
      words("axis ", axis, " of operand ", i, " ", c.at(i), " against operand ", as, " ", c.at(as)));
}

}  // namespace

Result<Shapes> infer_attention(const Context& c) {
  RLX_ASSIGN(const std::int64_t kind,
             c.choice(RLX_ATTR_MASK_KIND, RLX_MASK_NONE, RLX_MASK_NONE, RLX_MASK_SEQ_OFFSETS));
  const bool masked = kind != RLX_MASK_NONE;
  RLX_TRY(c.wants_count(masked ? 4 : 3));
  RLX_TRY(c.wants_dtype(0, Wants::kFloat));
  for (std::size_t i = 0; i < 3; ++i) {
    RLX_TRY(c.wants_same_dtype(i, 0));
    RLX_TRY(c.wants_rank(i, 4));
  }
  RLX_TRY(c.real(RLX_ATTR_SCALE, 1));
  RLX_TRY(c.real(RLX_ATTR_SOFTCAP, 0));
  RLX_ASSIGN(const std::int64_t causal, c.choice(RLX_ATTR_CAUSAL, RLX_CAUSAL_NONE, RLX_CAUSAL_NONE, RLX_CAUSAL_LENGTH));
  if (causal == RLX_CAUSAL_LENGTH && kind != RLX_MASK_LENGTHS)
    return c.bad_attribute(RLX_ATTR_CAUSAL, "is ", causal, " with a mask of kind ", kind, ", wanted lengths (kind ",
                           RLX_MASK_LENGTHS, ")");
  RLX_TRY(c.choice(RLX_ATTR_WINDOW_LEFT, -1, -1, INT64_MAX));
  RLX_TRY(c.choice(RLX_ATTR_WINDOW_RIGHT, -1, -1, INT64_MAX));
  const Dims& q = c.at(0).dims;
  const Dims& k = c.at(1).dims;
  const Dims& v = c.at(2).dims;
  RLX_ASSIGN(const Dim batch, same_axis(c, 1, 0, 0));
  RLX_TRY(same_axis(c, 1, 0, 3));
  for (std::size_t axis = 0; axis < 3; ++axis) RLX_TRY(same_axis(c, 2, 1, axis));
  if (!(q[1] == k[1])) {
    RLX_TRY(c.at_least(k[1], 1, words("axis 1 of operand 1 ", c.at(1))));
    RLX_TRY(c.unify(mod(q[1], k[1]), 0,
                    words("axis 1 of operand 0 ", c.at(0), " modulo axis 1 of operand 1 ", c.at(1))));
  }
  if (masked) {
    RLX_TRY(wants_mask(c, kind, Dims{batch, q[1], q[2], k[2]}));
  }
  return one(c.at(0).dtype, Dims{batch, q[1], q[2], v[3]});
}

}  // namespace rlx::infer_detail
