// SPDX-License-Identifier: Apache-2.0
// Rules of attention, whose keys are masked by whatever its mask is made of, and of rows packed by offsets.
#include <limits>

#include "runtime/compile/padding_walk.h"

namespace rlx::padding_detail {
namespace {

/// Offsets as they are where none is past the real rows; else an index that every backend refuses.
ValueId checked_offsets(Padder& p, ValueId offsets, const Dim& rows) {
  MirBuilder& b = p.b();
  const ValueId wide = b.cast(offsets, DType::kI64);
  const ValueId inside = b.compare(RLX_COMPARE_LE, wide, p.length(rows));
  const ValueId indices = b.select(inside, wide, b.scalar(DType::kI64, -1));
  return b.gather(b.iota(DType::kI64, {rows + 1}, 0), indices, 0, RLX_INDEX_ERROR, false);
}

/// Elements [B] of the real number of keys.
ValueId lengths(Padder& p, const Dim& batch, const Dim& keys) {
  return p.b().broadcast(p.b().reshape(p.length(keys), {1}), {batch});
}

/// Keys in padding get no weight; they and their values are 0 where a backend could read them.
Status mask_keys(Padder& p, Visit& v, const Dim& keys) {
  MirBuilder& b = p.b();
  std::vector<ValueId>& in = v.node.operands;
  const auto kind = attr_i64(v.node, RLX_ATTR_MASK_KIND, RLX_MASK_NONE);
  switch (kind) {
    case RLX_MASK_NONE:
      in.resize(3);
      in.push_back(lengths(p, p.shape(in[0]).dims[0], keys));
      v.node.attributes[RLX_ATTR_MASK_KIND] = Dim(RLX_MASK_LENGTHS);
      v.recompose = true;
      return {};
    case RLX_MASK_LENGTHS:
      if (attr_i64(v.node, RLX_ATTR_CAUSAL, RLX_CAUSAL_NONE) == RLX_CAUSAL_LENGTH)
        return p.refuse(v, "queries stand at places that count from lengths, which may not pass what is real");
      in[3] = b.binary(RLX_BINARY_MIN, in[3], p.length(keys));
      return {};
    case RLX_MASK_KEY_BOOL:
      in[3] = b.binary(RLX_BINARY_AND, in[3], p.is_real(p.of(v, 1)[2], 1, 2));
      in[2] = p.masked(in[2], {2}, 0);  // not all backends leave what is masked unread: 0 times NaN is NaN
      return {};
    default:
      break;
  }
  const ValueId real = p.is_real(p.of(v, 1)[2], 3, 4);
  if (kind == RLX_MASK_BOOL) {
    in[3] = b.binary(RLX_BINARY_AND, in[3], real);
  } else {
    in[3] = b.select(real, in[3], b.scalar(p.shape(in[3]).dtype, -std::numeric_limits<double>::infinity()));
    in[1] = p.masked(in[1], {2}, 0);  // NaN - inf is NaN
  }
  in[2] = p.masked(in[2], {2}, 0);
  v.recompose = true;  // the mask's dims may have grown
  return {};
}

/// The mask is padded as the scores are, or has 1 there.
bool mask_fits(Padder& p, const Visit& v, std::int64_t kind, const PadLayout& scores) {
  const PadLayout mask = p.of(v, 3);
  if (kind == RLX_MASK_NONE) return true;
  if (kind == RLX_MASK_KEY_BOOL) return mask == PadLayout{scores[0], scores[3]};
  if (kind == RLX_MASK_LENGTHS) return mask == PadLayout{scores[0]};
  if (kind == RLX_MASK_SEQ_OFFSETS) return !is_padded(mask);
  for (std::size_t i = 0; i < mask.size(); ++i) {
    const Dim& size = p.shape(v.node.operands[3]).dims[i];
    if (mask[i] != scores[4 - mask.size() + i] && !(size.is_number() && size.number() == 1)) return false;
  }
  return true;
}

}  // namespace

Status pad_attention(Padder& p, Visit& v) {
  const PadLayout q = p.of(v, 0), k = p.of(v, 1), values = p.of(v, 2);
  const auto kind = attr_i64(v.node, RLX_ATTR_MASK_KIND, RLX_MASK_NONE);
  const bool axes_fit = q[0] == k[0] && k[0] == values[0] && k[2] == values[2];
  const bool heads_whole = q[1].empty() && q[3].empty() && k[1].empty() && k[3].empty() && values[1].empty() && values[3].empty();
  if (!axes_fit || !heads_whole || !mask_fits(p, v, kind, {q[0], {}, q[2], k[2]})) {
    v.expand = true;
    return {};
  }
  v.layouts = {q};
  const Dim queries = p.shape(v.node.operands[0]).dims[2], keys = p.shape(v.node.operands[1]).dims[2];
  const auto causal = attr_i64(v.node, RLX_ATTR_CAUSAL, RLX_CAUSAL_NONE);
  if (causal == RLX_CAUSAL_BOTTOM_RIGHT && !p.is_free(keys - queries))
    return p.refuse(v, "query i stands at key i + `", (keys - queries).to_string(), "`, which padding moves");
  if (causal == RLX_CAUSAL_LENGTH && !p.is_free(queries)) return p.refuse(v, "queries stand at places that count from the last one, which is padding");
  if (k[2].empty()) return {};
  if (!is_symbol_axis(k[2])) {
    v.expand = true;
    return {};
  }
  if (kind != RLX_MASK_SEQ_OFFSETS) return mask_keys(p, v, keys);
  v.node.operands[3] = checked_offsets(p, v.node.operands[3], keys);
  v.recompose = true;  // offsets may have been i32
  return {};
}

/// Rows past the last offset belong to no segment.
Status pad_segment_reduce(Padder& p, Visit& v) {
  const PadLayout x = p.of(v, 0);
  v.layouts = {x};
  v.layouts[0][0] = {};
  if (is_padded(p.of(v, 1))) return p.refuse(v, "offsets that are padded name segments that there are not");
  if (x[0].empty()) return {};
  if (!is_symbol_axis(x[0])) return p.refuse(v, "its rows are padded in their middle");
  v.node.operands[1] = checked_offsets(p, v.node.operands[1], p.shape(v.node.operands[0]).dims[0]);
  v.recompose = true;
  return {};
}

}  // namespace rlx::padding_detail
