// SPDX-License-Identifier: Apache-2.0
// Expansions of attention and rope. Masks become one bool tensor that broadcasts to the scores [B, H, Sq,
// Sk]; a query that sees no key gives zeros.
#include <algorithm>
#include <limits>

#include "runtime/ir/expand.h"

namespace rlx::expand_detail {
namespace {

ValueId both(Expansion& e, ValueId a, ValueId b) {
  return a == kAbsent ? b : e.b().binary(RLX_BINARY_AND, a, b);
}

/// Lengths as [B, 1, 1, 1].
ValueId lengths(Expansion& e) { return e.b().reshape(e.in(3), {e.result_dims(0)[0], 1, 1, 1}); }

/// Causal order and windows as bool [Sq, Sk], or [B, 1, Sq, Sk] where lengths count; kAbsent where every query sees every key.
ValueId visible_by_position(Expansion& e) {
  const std::int64_t causal = e.integer(RLX_ATTR_CAUSAL, RLX_CAUSAL_NONE);
  const std::int64_t left = e.integer(RLX_ATTR_WINDOW_LEFT, -1);
  const std::int64_t right = e.integer(RLX_ATTR_WINDOW_RIGHT, -1);
  if (causal == RLX_CAUSAL_NONE && left < 0 && right < 0) return kAbsent;
  const Dim& queries = e.dims(0)[2];
  const Dim& keys = e.dims(1)[2];
  const auto reach = [](std::int64_t window) { return std::min(window, std::int64_t{1} << 62); };
  ValueId at = e.b().iota(DType::kI64, {queries, 1}, 0);
  if (causal == RLX_CAUSAL_BOTTOM_RIGHT) at = e.add(at, e.size(keys - queries));
  if (causal == RLX_CAUSAL_LENGTH) {
    const ValueId before = e.sub(lengths(e), e.size(queries));
    at = e.add(at, before);
  }
  const ValueId key = e.b().iota(DType::kI64, {1, keys}, 1);
  ValueId visible = kAbsent;
  if (causal != RLX_CAUSAL_NONE) visible = e.b().compare(RLX_COMPARE_LE, key, at);
  if (left >= 0)
    visible = both(e, visible, e.b().compare(RLX_COMPARE_GE, key, e.sub(at, e.size(reach(left)))));
  if (right >= 0)
    visible = both(e, visible, e.b().compare(RLX_COMPARE_LE, key, e.add(at, e.size(reach(right)))));
  return visible;
}

/// Keys that exist, as bool [B, 1, 1, Sk]; kAbsent where the mask is of another kind.
ValueId visible_keys(Expansion& e, std::int64_t kind) {
  const Dim& batch = e.result_dims(0)[0];
  const Dim& keys = e.dims(1)[2];
  if (kind == RLX_MASK_KEY_BOOL) return e.b().reshape(e.in(3), {batch, 1, 1, keys});
  if (kind != RLX_MASK_LENGTHS) return kAbsent;
  const ValueId key = e.b().iota(DType::kI64, {1, 1, 1, keys}, 3);
  return e.b().compare(RLX_COMPARE_LT, key, lengths(e));
}

/// Offsets as i64 [N+1]. Both gathers refuse what is outside 0 to `rows`: the first offset, and steps that are negative or
/// lead past the end.
ValueId checked_offsets(Expansion& e, const Dim& rows) {
  const Dim count = e.dims(3)[0];
  const ValueId places = e.b().iota(DType::kI64, {rows + 1}, 0);
  const ValueId given = e.b().cast(e.in(3), DType::kI64);
  const ValueId inside = e.b().gather(places, given, 0, RLX_INDEX_ERROR, false);
  const ValueId before = e.b().slice(inside, {0}, {count - 1}, {1});
  const ValueId after = e.b().slice(inside, {1}, {count}, {1});
  const ValueId steps = e.b().gather(places, e.sub(after, before), 0, RLX_INDEX_ERROR, false);
  const ValueId ends = e.add(before, steps);
  return e.b().concat({e.b().slice(inside, {0}, {1}, {1}), ends}, 0);
}

/// How many offsets lie at or before each row, [S]: 0 before the first sequence, N+1 behind the last.
ValueId sequence_of_rows(Expansion& e, const Dim& rows) {
  const Dim& count = e.dims(3)[0];
  const ValueId offsets = e.b().reshape(checked_offsets(e, rows), {1, count});
  const ValueId row = e.b().iota(DType::kI64, {rows, 1}, 0);
  const ValueId begun = e.b().compare(RLX_COMPARE_GE, row, offsets);
  return e.b().reduce(RLX_REDUCE_SUM, e.b().cast(begun, DType::kI64), {1}, false);
}

/// Rows that belong to a sequence, as bool [B, 1, 1, S].
ValueId rows_of_sequences(Expansion& e, ValueId sequence) {
  const Dim& rows = e.dims(1)[2];
  const ValueId begun = e.b().compare(RLX_COMPARE_GE, sequence, e.size(1));
  const ValueId one = both(e, begun, e.b().compare(RLX_COMPARE_LT, sequence, e.size(e.dims(3)[0])));
  return e.b().broadcast(e.b().reshape(one, {1, 1, 1, rows}), {e.result_dims(0)[0], 1, 1, rows});
}

ValueId same_sequence(Expansion& e, ValueId sequence) {
  const Dim& rows = e.dims(1)[2];
  const ValueId of_query = e.b().reshape(sequence, {e.dims(0)[2], 1});
  const ValueId of_key = e.b().reshape(sequence, {1, rows});
  return e.b().compare(RLX_COMPARE_EQ, of_query, of_key);
}

ValueId scaled(Expansion& e, ValueId scores) {
  const auto found = e.node().attributes.find(RLX_ATTR_SCALE);
  if (found != e.node().attributes.end()) return e.times(scores, e.real(RLX_ATTR_SCALE, 1));
  const ValueId size = e.size_as(e.dims(0)[3], e.b().shape(scores).dtype);
  return e.mul(scores, e.unary(RLX_UNARY_RSQRT, size));
}

/// Heads that share keys: [B, H, rows, n] and [B, Hkv, G, rows, n].
struct Groups {
  bool shared;
  Dim batch, heads, kv_heads, group;

  ValueId split(Expansion& e, ValueId x, const Dim& rows, const Dim& n) const {
    return shared ? e.b().reshape(x, {batch, kv_heads, group, rows, n}) : x;
  }
  ValueId join(Expansion& e, ValueId x, const Dim& rows, const Dim& n) const {
    return shared ? e.b().reshape(x, {batch, heads, rows, n}) : x;
  }
  std::int64_t inner() const { return shared ? 4 : 3; }
};

ValueId zero_unless(Expansion& e, ValueId keys_seen, ValueId v) {
  const Dim& batch = e.result_dims(0)[0];
  const ValueId rows = e.b().reshape(keys_seen, {batch, 1, e.dims(1)[2], 1});
  return e.b().select(rows, v, e.number(0, v));
}

}  // namespace

Outputs expand_attention(Expansion& e) {
  const std::int64_t kind = e.integer(RLX_ATTR_MASK_KIND, RLX_MASK_NONE);
  const Dims& q = e.dims(0);
  const Dim& keys = e.dims(1)[2];
  const Dim& width = e.dims(2)[3];
  const bool shared = !(q[1] == e.dims(1)[1]);
  const Groups heads{shared, e.result_dims(0)[0], q[1], e.dims(1)[1],
                     shared ? floor_div(q[1], e.dims(1)[1]) : Dim(1)};

  const ValueId rows = heads.split(e, e.wide(e.in(0)), q[2], q[3]);
  ValueId scores = e.b().dot(rows, e.wide(e.in(1)), {heads.inner()}, {3}, {0, 1}, {0, 1});
  scores = scaled(e, heads.join(e, scores, q[2], keys));
  if (const double cap = e.real(RLX_ATTR_SOFTCAP, 0); cap != 0)
    scores = e.times(e.unary(RLX_UNARY_TANH, e.times(scores, 1 / cap)), cap);
  if (kind == RLX_MASK_BIAS) scores = e.add(scores, e.wide(e.in(3)));

  const ValueId sequence = kind == RLX_MASK_SEQ_OFFSETS ? sequence_of_rows(e, keys) : kAbsent;
  const ValueId keys_seen = sequence != kAbsent ? rows_of_sequences(e, sequence) : visible_keys(e, kind);
  ValueId visible = visible_by_position(e);
  if (sequence != kAbsent) visible = both(e, visible, same_sequence(e, sequence));
  if (kind == RLX_MASK_BOOL) visible = both(e, visible, e.in(3));
  if (keys_seen != kAbsent) visible = both(e, visible, keys_seen);
  if (visible != kAbsent)
    scores = e.b().select(visible, scores, e.number(-std::numeric_limits<double>::infinity(), scores));

  const bool guarded = visible != kAbsent || kind == RLX_MASK_BIAS;
  const ValueId weights = heads.split(e, emit_softmax(e, scores, 3, false, guarded), q[2], keys);
  ValueId v = e.wide(e.in(2));
  if (keys_seen != kAbsent) v = zero_unless(e, keys_seen, v);  // what lies past the keys may be anything
  const ValueId y = e.b().dot(weights, v, {heads.inner()}, {2}, {0, 1}, {0, 1});
  return {heads.join(e, y, q[2], width)};
}

namespace {

/// cos or sin as [B or 1, 1, S, half].
ValueId angles(Expansion& e, std::size_t i, const Dim& half) {
  const Dims& x = e.dims(0);
  const ValueId table = e.wide(e.in(i));
  if (e.has(3))
    return e.b().reshape(e.b().gather(table, e.in(3), 0, RLX_INDEX_ERROR, false), {x[0], 1, x[2], half});
  return e.b().reshape(table, {e.shape(i).rank() == 2 ? Dim(1) : x[0], 1, x[2], half});
}

ValueId inner_slice(Expansion& e, ValueId x, const Dim& start, const Dim& limit, std::int64_t step) {
  Dims limits = e.dims(0);
  limits[3] = limit;
  return e.b().slice(x, {0, 0, 0, start}, std::move(limits), {1, 1, 1, step});
}

}  // namespace

Outputs expand_rope(Expansion& e) {
  const Dims& dims = e.dims(0);
  const Dim rotary = attr_dim(e.node(), RLX_ATTR_ROTARY_DIMS, dims[3]);
  const Dim half = floor_div(rotary, 2);
  const bool interleaved = e.integer(RLX_ATTR_INTERLEAVED, 0) != 0;
  const ValueId x = e.wide(e.in(0));
  if (rotary == Dim(0)) return {x};
  const Dims pair{dims[0], dims[1], dims[2], half};
  const ValueId first =
      e.b().reshape(interleaved ? inner_slice(e, x, 0, rotary, 2) : inner_slice(e, x, 0, half, 1), pair);
  const ValueId second =
      e.b().reshape(interleaved ? inner_slice(e, x, 1, rotary, 2) : inner_slice(e, x, half, rotary, 1), pair);
  const ValueId cos = angles(e, 1, half);
  const ValueId sin = angles(e, 2, half);
  const ValueId first_cos = e.mul(first, cos);
  const ValueId second_sin = e.mul(second, sin);
  const ValueId second_cos = e.mul(second, cos);
  const ValueId first_sin = e.mul(first, sin);
  const ValueId real = e.sub(first_cos, second_sin);
  const ValueId imaginary = e.add(second_cos, first_sin);
  ValueId y = kAbsent;
  if (interleaved) {
    Dims alone = pair;
    alone.push_back(1);
    y = e.b().concat({e.b().reshape(real, alone), e.b().reshape(imaginary, alone)}, 4);
    y = e.b().reshape(y, {dims[0], dims[1], dims[2], rotary});
  } else {
    y = e.b().concat({real, imaginary}, 3);
  }
  if (rotary == dims[3]) return {y};
  return {e.b().concat({y, inner_slice(e, x, rotary, dims[3], 1)}, 3)};
}

}  // namespace rlx::expand_detail
