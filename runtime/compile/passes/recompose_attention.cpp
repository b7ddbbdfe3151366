// SPDX-License-Identifier: Apache-2.0
// Read from the end: the product with v, softmax, mask, scale, the product of q and k. Nothing between may have another
// reader: scores that somebody wants would be computed twice.
#include "runtime/compile/passes/recompose_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/compile/passes/match.h"

namespace rlx {
namespace {

using Axes = std::vector<std::int64_t>;

constexpr double kNothing = -std::numeric_limits<double>::infinity();
/// A finite f32 at or below this swallows any score that is added to it.
constexpr double kSwallows = -1e30;
/// Where some key is always seen, a fill this low gives weights of exactly 0, unless scores differ by as much.
constexpr double kHides = -1e8;

struct Mask {
  std::uint32_t kind = RLX_MASK_NONE;
  std::uint32_t causal = RLX_CAUSAL_NONE;
  ValueId value = kAbsent;   ///< of kBool and kBias: broadcasts to the scores
  bool inverted = false;     ///< of kBool: true = may not attend
  double fill = 0;           ///< of kBias made from a bool `value`: what is added where it hides
  bool from_bool = false;
};

struct Scores {
  ValueId q = kAbsent, k = kAbsent;
  bool k_turned = false;  ///< k is [B, H, D, Sk]
  double scale = 1;
  Mask mask;
};

bool is_batched_dot(const Rewriter& rewriter, const Node& node) {
  return is_core(node, RLX_OP_DOT) && rewriter.shape(node.operands[0]).rank() == 4 && rewriter.shape(node.operands[1]).rank() == 4 &&
         is_float(rewriter.shape(node.results[0]).dtype) && attr_i64s(node, RLX_ATTR_BATCH_A) == Axes{0, 1} &&
         attr_i64s(node, RLX_ATTR_BATCH_B) == Axes{0, 1} && attr_i64s(node, RLX_ATTR_CONTRACT_A) == Axes{3};
}

/// Aligned right, every axis is 1 or the scores' own.
bool spreads_over(const Dims& mask, const Dims& scores) {
  if (mask.size() > scores.size()) return false;
  const std::size_t lead = scores.size() - mask.size();
  for (std::size_t axis = 0; axis < mask.size(); ++axis)
    if (!is_one(mask[axis]) && !(mask[axis] == scores[lead + axis])) return false;
  return true;
}

Dims padded(const Dims& dims, std::size_t rank) {
  Dims result(rank - std::min(rank, dims.size()), Dim(1));
  result.insert(result.end(), dims.begin(), dims.end());
  return result;
}

/// The value behind reshapes that only put axes of 1 in front.
ValueId behind_front(const Rewriter& rewriter, ValueId id) {
  while (const Node* view = rewriter.maker(id, RLX_OP_RESHAPE)) {
    const Dims& dims = rewriter.shape(id).dims;
    if (!(padded(rewriter.shape(view->operands[0]).dims, dims.size()) == dims)) break;
    id = view->operands[0];
  }
  return id;
}

ValueId narrow(const Rewriter& rewriter, ValueId id) {
  while (const Node* view = rewriter.maker(id, RLX_OP_BROADCAST)) {
    if (rewriter.shape(view->operands[0]).rank() != rewriter.shape(id).rank()) break;
    id = view->operands[0];
  }
  return id;
}

/// shift + (0, 1, 2 ..) along an axis of the scores.
struct Position {
  std::size_t axis;
  double shift;
};

/// What `id` counts, aligned right with the scores.
std::optional<Position> position_of(const Rewriter& rewriter, ValueId id, const Dims& scores) {
  const Dims dims = rewriter.shape(id).dims;
  if (dims.size() > scores.size()) return std::nullopt;
  const std::size_t lead = scores.size() - dims.size();
  std::size_t axis = 0;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (is_one(dims[i])) continue;
    if (axis != 0 || lead + i < 2) return std::nullopt;
    axis = lead + i;
  }
  if (axis == 0 || !(dims[axis - lead] == scores[axis])) return std::nullopt;
  double shift = 0;
  while (true) {
    id = rewriter.behind_views(id);
    const Node* cast = rewriter.maker(id, RLX_OP_CAST);
    const auto shifted = shifted_of(rewriter, id);
    if (cast && rewriter.shape(id).dtype == DType::kI64 && is_int(rewriter.shape(cast->operands[0]).dtype)) {
      id = cast->operands[0];
    } else if (shifted && rewriter.shape(id).dtype == DType::kI64) {
      shift += shifted->shift;
      id = shifted->value;
    } else {
      break;
    }
  }
  const Node* iota = rewriter.maker(id, RLX_OP_IOTA);
  if (!iota) return std::nullopt;
  const auto along = static_cast<std::size_t>(attr_i64(*iota, RLX_ATTR_AXIS, 0));
  if (!(rewriter.shape(id).dims[along] == scores[axis]) || std::fabs(shift) > 1e6) return std::nullopt;
  return Position{axis, shift};
}

/// True where the condition (inverted: its opposite) is key <= query, both counted from 0.
bool is_causal(const Rewriter& rewriter, ValueId condition, const Dims& scores, bool inverted) {
  const Node* node = rewriter.maker(behind_front(rewriter, condition), RLX_OP_COMPARE);
  if (!node) return false;
  auto left = position_of(rewriter, node->operands[0], scores), right = position_of(rewriter, node->operands[1], scores);
  if (!left || !right) return false;
  std::int64_t fn = attr_i64(*node, RLX_ATTR_FN, 0);
  const auto other = [&](std::int64_t lt, std::int64_t le, std::int64_t gt, std::int64_t ge) {
    return fn == RLX_COMPARE_LT ? lt : fn == RLX_COMPARE_LE ? le : fn == RLX_COMPARE_GT ? gt : fn == RLX_COMPARE_GE ? ge : 0;
  };
  if (left->axis == 2) {  // turn it around: the key on the left
    std::swap(left, right);
    fn = other(RLX_COMPARE_GT, RLX_COMPARE_GE, RLX_COMPARE_LT, RLX_COMPARE_LE);
  }
  if (inverted) fn = other(RLX_COMPARE_GE, RLX_COMPARE_GT, RLX_COMPARE_LE, RLX_COMPARE_LT);
  if (left->axis != 3 || right->axis != 2) return false;
  const double reach = right->shift - left->shift;  // key OP query + reach
  return (fn == RLX_COMPARE_LE && reach == 0) || (fn == RLX_COMPARE_LT && reach == 1);
}

/// A condition that hides what it does not (or, inverted, does) name.
std::optional<Mask> hiding(const Rewriter& rewriter, ValueId condition, bool inverted, double fill, const Shape& scores) {
  condition = narrow(rewriter, condition);
  if (!spreads_over(rewriter.shape(condition).dims, scores.dims)) return std::nullopt;
  // Every query sees key 0, so that a fill value is never all there is.
  if (fill <= kHides && is_causal(rewriter, condition, scores.dims, inverted)) return Mask{RLX_MASK_NONE, RLX_CAUSAL_TOP_LEFT};
  const bool swallows = scores.dtype == DType::kF32 && std::isfinite(fill) && fill <= kSwallows;
  if (fill != kNothing && !swallows) return std::nullopt;
  if (fill == kNothing) return Mask{RLX_MASK_BOOL, RLX_CAUSAL_NONE, condition, inverted};
  return Mask{RLX_MASK_BIAS, RLX_CAUSAL_NONE, condition, inverted, fill, true};
}

/// select(condition, scores, fill) or select(condition, fill, scores): `inner` becomes the scores.
std::optional<Mask> selected(const Rewriter& rewriter, const Node& node, ValueId& inner) {
  const Shape& shape = rewriter.shape(node.results[0]);
  for (const bool inverted : {false, true}) {
    const auto fill = rewriter.number(node.operands[inverted ? 1 : 2]);
    inner = node.operands[inverted ? 2 : 1];
    if (fill && rewriter.shape(inner) == shape) return hiding(rewriter, node.operands[0], inverted, *fill, shape);
  }
  return std::nullopt;
}

/// What is added to the scores.
std::optional<Mask> added(const Rewriter& rewriter, ValueId bias, const Shape& scores) {
  bias = narrow(rewriter, bias);
  if (!spreads_over(rewriter.shape(bias).dims, scores.dims)) return std::nullopt;
  if (const Node* select = rewriter.maker(narrow(rewriter, behind_front(rewriter, bias)), RLX_OP_SELECT)) {
    const auto yes = rewriter.number(select->operands[1]), no = rewriter.number(select->operands[2]);
    if (yes && no && (*yes == 0 || *no == 0)) {
      const bool inverted = *no == 0;
      const auto mask = hiding(rewriter, select->operands[0], inverted, inverted ? *yes : *no, scores);
      if (mask && mask->kind != RLX_MASK_BIAS) return mask;
    }
  }
  return Mask{RLX_MASK_BIAS, RLX_CAUSAL_NONE, bias};
}

/// Takes the mask off: `id` becomes the scores without it.
std::optional<Mask> mask_of(const Rewriter& rewriter, ValueId& id) {
  const Node* node = rewriter.maker(id);
  const Shape shape = rewriter.shape(id);
  if (!node || !rewriter.read_once(id)) return Mask{};
  if (is_core(*node, RLX_OP_SELECT)) {
    ValueId inner = kAbsent;
    const auto mask = selected(rewriter, *node, inner);
    if (mask) id = inner;
    return mask;
  }
  if (!is_core(*node, RLX_OP_BINARY) || attr_i64(*node, RLX_ATTR_FN, 0) != RLX_BINARY_ADD) return Mask{};
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const ValueId inner = node->operands[side];
    const Scaled scaled = scaled_of(rewriter, inner);
    const Node* dot = rewriter.maker(scaled.value, RLX_OP_DOT);
    if (!dot || !(rewriter.shape(inner) == shape)) continue;
    const auto mask = added(rewriter, node->operands[1 - side], shape);
    if (mask) id = inner;
    return mask;
  }
  return std::nullopt;
}

std::optional<Scores> scores_of(const Rewriter& rewriter, ValueId id) {
  const auto mask = mask_of(rewriter, id);
  if (!mask || !rewriter.read_once(id)) return std::nullopt;
  const Scaled scaled = scaled_of(rewriter, id);
  const Node* dot = rewriter.maker(scaled.value);
  if (!dot || !rewriter.read_once(scaled.value) || !is_batched_dot(rewriter, *dot)) return std::nullopt;
  const Axes contract = attr_i64s(*dot, RLX_ATTR_CONTRACT_B);
  if (contract != Axes{2} && contract != Axes{3}) return std::nullopt;
  const Scaled q = scaled_of(rewriter, dot->operands[0]), k = scaled_of(rewriter, dot->operands[1]);
  return Scores{q.value, k.value, contract == Axes{2}, scaled.factor * q.factor * k.factor, *mask};
}

/// [B, Hkv, S, D] where `id` repeats each head: reshaped from a broadcast over an axis of its own behind the heads.
ValueId without_repeats(const Rewriter& rewriter, ValueId id) {
  const Node* joined = rewriter.maker(id, RLX_OP_RESHAPE);
  const Node* spread = joined ? rewriter.maker(joined->operands[0], RLX_OP_BROADCAST) : nullptr;
  const Node* split = spread ? rewriter.maker(spread->operands[0], RLX_OP_RESHAPE) : nullptr;
  if (!split) return id;
  const Dims from = rewriter.shape(split->operands[0]).dims, one = rewriter.shape(split->results[0]).dims;
  const Dims wide = rewriter.shape(spread->results[0]).dims, to = rewriter.shape(id).dims;
  if (from.size() != 4 || to.size() != 4 || wide.size() != 5) return id;
  const bool same = one == Dims{from[0], from[1], 1, from[2], from[3]} && wide == Dims{from[0], from[1], wide[2], from[2], from[3]} &&
                    to == Dims{from[0], from[1] * wide[2], from[2], from[3]};
  return same ? split->operands[0] : id;
}

/// The mask as an operand, in the kind that says most.
ValueId mask_operand(MirBuilder& b, Mask& mask, const Dims& scores) {
  ValueId value = b.reshape(mask.value, padded(b.shape(mask.value).dims, scores.size()));
  if (mask.from_bool) {
    const ValueId hide = b.scalar(DType::kF32, mask.fill), show = b.scalar(DType::kF32, 0);
    return mask.inverted ? b.select(value, hide, show) : b.select(value, show, hide);
  }
  if (mask.kind != RLX_MASK_BOOL) return value;
  if (mask.inverted) value = b.unary(RLX_UNARY_NOT, value);
  const Dims dims = b.shape(value).dims;
  if (is_one(dims[1]) && is_one(dims[2]) && dims[0] == scores[0] && dims[3] == scores[3]) {
    mask.kind = RLX_MASK_KEY_BOOL;
    value = b.reshape(value, {scores[0], scores[3]});
  }
  return value;
}

void from_product(Rewriter& rewriter, const Node& node) {
  if (!is_batched_dot(rewriter, node) || attr_i64s(node, RLX_ATTR_CONTRACT_B) != Axes{2}) return;
  const ValueId weights = node.operands[0];
  const Node* softmax = rewriter.maker(weights, RLX_OP_SOFTMAX);
  if (!softmax || !rewriter.read_once(weights) || attr_i64(*softmax, RLX_ATTR_AXIS, 3) != 3 || attr_i64(*softmax, RLX_ATTR_LOG, 0) != 0)
    return;
  auto scores = scores_of(rewriter, softmax->operands[0]);
  if (!scores || !std::isfinite(scores->scale)) return;
  const Dims dims = rewriter.shape(weights).dims;
  ValueId v = without_repeats(rewriter, node.operands[1]);
  MirBuilder b(rewriter.graph());
  ValueId k = scores->k;
  if (scores->k_turned) {
    const Node* turned = rewriter.maker(k, RLX_OP_TRANSPOSE);
    const bool back = turned && attr_i64s(*turned, RLX_ATTR_PERM) == Axes{0, 1, 3, 2};
    k = back ? turned->operands[0] : b.transpose(k, {0, 1, 3, 2});
  }
  const ValueId fewer = without_repeats(rewriter, k);
  if (rewriter.shape(fewer).dims.size() == 4 && rewriter.shape(fewer).dims[1] == rewriter.shape(v).dims[1])
    k = fewer;
  else
    v = node.operands[1];
  std::vector<ValueId> operands{scores->q, k, v};
  if (scores->mask.kind != RLX_MASK_NONE) operands.push_back(mask_operand(b, scores->mask, dims));
  if (!b.status()) return;
  rewriter.replace_with_composite(node, RLX_OP_ATTENTION, std::move(operands),
                                  {{RLX_ATTR_SCALE, scores->scale},
                                   {RLX_ATTR_CAUSAL, Dim(scores->mask.causal)},
                                   {RLX_ATTR_MASK_KIND, Dim(scores->mask.kind)}});
}

}  // namespace

Status recompose_attention(Graph& graph) {
  Rewriter(graph).run([](Rewriter& rewriter, const Node& node) { from_product(rewriter, node); });
  return {};
}

}  // namespace rlx
