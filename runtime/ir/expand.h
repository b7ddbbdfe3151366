// SPDX-License-Identifier: Apache-2.0
// What the expansions of composites share: the region under construction, its inputs, and short names for the
// few primitives that all of them write. Private to the room.
#pragma once

#include <span>
#include <vector>

#include "runtime/ir/build.h"
#include "runtime/ir/graph.h"

namespace rlx::expand_detail {

/// One region under construction. Every call that writes nodes is a statement or the only such argument of
/// its caller, so that all compilers write them in one order. f16 and bf16 are computed in f32 where sums or
/// curves are concerned (`wide`).
class Expansion {
 public:
  Expansion(const Node& node, std::span<const Shape> shapes, std::span<const Shape> results, Graph& region);

  MirBuilder& b() { return builder_; }
  const Node& node() const { return node_; }
  bool has(std::size_t i) const { return i < shapes_.size() && shapes_[i].dtype != DType::kNone; }
  ValueId in(std::size_t i) const { return inputs_[i]; }
  const Shape& shape(std::size_t i) const { return shapes_[i]; }
  const Dims& dims(std::size_t i) const { return shapes_[i].dims; }
  const Dims& result_dims(std::size_t i) const { return results_[i].dims; }
  std::size_t count() const { return shapes_.size(); }

  std::int64_t integer(std::uint32_t key, std::int64_t otherwise) const {
    return attr_i64(node_, key, otherwise);
  }
  double real(std::uint32_t key, double otherwise) const { return attr_f64(node_, key, otherwise); }
  std::size_t last_axis_or(std::uint32_t key) const;
  /// Attributes of the composite that a primitive inside takes over as they are.
  Attributes inherit(std::initializer_list<std::uint32_t> keys) const;

  ValueId add(ValueId x, ValueId y) { return builder_.binary(RLX_BINARY_ADD, x, y); }
  ValueId sub(ValueId x, ValueId y) { return builder_.binary(RLX_BINARY_SUB, x, y); }
  ValueId mul(ValueId x, ValueId y) { return builder_.binary(RLX_BINARY_MUL, x, y); }
  ValueId div(ValueId x, ValueId y) { return builder_.binary(RLX_BINARY_DIV, x, y); }
  ValueId unary(std::uint32_t fn, ValueId x) { return builder_.unary(fn, x); }
  /// A scalar of the dtype of `like`.
  ValueId number(double value, ValueId like) { return builder_.scalar(builder_.shape(like).dtype, value); }
  ValueId plus(ValueId x, double value) { return add(x, number(value, x)); }
  ValueId times(ValueId x, double value) { return value == 1 ? x : mul(x, number(value, x)); }
  /// An i64 scalar: a constant, or a `dim` while it has symbols.
  ValueId size(const Dim& value);
  /// `value` as a scalar of a float dtype.
  ValueId size_as(const Dim& value, DType dtype);
  /// In the dtype that sums and curves are computed in.
  ValueId wide(ValueId x);
  /// 1/sqrt(x + eps).
  ValueId rsqrt_eps(ValueId x, double eps) { return unary(RLX_UNARY_RSQRT, plus(x, eps)); }
  /// Sum over axes first..rank-1, kept as 1, divided by their size.
  ValueId mean_from(ValueId x, std::size_t first);
  /// (x - mean) / sqrt(variance + eps) over axes first..rank-1; x wide.
  ValueId standardize(ValueId x, std::size_t first, double eps);
  /// The named activation ACT of the node.
  ValueId act(ValueId x);
  /// x reshaped to have axis `axis` of `rank`, all others 1.
  ValueId on_axis(ValueId x, std::size_t axis, std::size_t rank);

 private:
  const Node& node_;
  std::span<const Shape> shapes_;
  std::span<const Shape> results_;
  MirBuilder builder_;
  std::vector<ValueId> inputs_;
};

std::vector<std::int64_t> axes_from(std::size_t first, std::size_t end);
inline bool is_narrow(DType dtype) { return dtype == DType::kF16 || dtype == DType::kBF16; }

/// A named activation (RLX_ACT_*) in primitives; the result has x's dtype. Absent parameters take ONNX's
/// defaults.
ValueId emit_act(Expansion& e, ValueId x, std::int64_t act);
/// exp(x - max) / sum over one axis, or its log; `guarded`: a row that is all -Inf gives zeros.
ValueId emit_softmax(Expansion& e, ValueId x, std::size_t axis, bool log, bool guarded);

using Outputs = std::vector<ValueId>;
Outputs expand_act(Expansion&);
Outputs expand_linear(Expansion&);
Outputs expand_gated_act(Expansion&);
Outputs expand_conv_act(Expansion&);
Outputs expand_avg_pool(Expansion&);
Outputs expand_segment_reduce(Expansion&);
Outputs expand_softmax(Expansion&);
Outputs expand_layer_norm(Expansion&);
Outputs expand_rms_norm(Expansion&);
Outputs expand_group_norm(Expansion&);
Outputs expand_batch_norm(Expansion&);
Outputs expand_embed_norm(Expansion&);
Outputs expand_attention(Expansion&);
Outputs expand_rope(Expansion&);

}  // namespace rlx::expand_detail
