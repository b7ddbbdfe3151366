// SPDX-License-Identifier: Apache-2.0
// Which operators are known, and the function that translates each.
#pragma once

#include <span>
#include <string_view>

#include "runtime/import/onnx/node.h"

namespace rlx::onnx_import {

struct OpRow {
  std::string_view name;
  std::size_t least = 1;    ///< operands
  std::size_t most = 1;     ///< operands
  std::size_t results = 1;  ///< that we can make; reading more is refused
  void (*translate)(Node&) = nullptr;
  /// Computes the results of known operands; false: translate instead. Null: nothing to fold.
  bool (*fold)(Node&) = nullptr;
};

inline constexpr std::size_t kAny = SIZE_MAX;

/// Null for an operator that is not known.
const OpRow* find_op(std::string_view op_type);

// By family, one file each.
std::span<const OpRow> pointwise_ops();
std::span<const OpRow> shape_ops();
std::span<const OpRow> data_ops();
std::span<const OpRow> index_ops();
std::span<const OpRow> reduce_ops();
std::span<const OpRow> linear_ops();
std::span<const OpRow> norm_ops();
std::span<const OpRow> window_ops();
std::span<const OpRow> resize_ops();

// Folding of small known tensors, see fold_*.cpp.
bool fold_arithmetic(Node&);  ///< Add, Sub, Mul, Div, Mod, Min, Max, Sum, Pow
bool fold_compare(Node&);     ///< Equal, Less, LessOrEqual, Greater, GreaterOrEqual, And, Or, Xor
bool fold_unary(Node&);       ///< Abs, Neg, Sqrt, Floor, Ceil, Sign, Not
bool fold_where(Node&);
bool fold_cast(Node&);
bool fold_gather(Node&);
bool fold_slice(Node&);
bool fold_concat(Node&);
bool fold_reshape(Node&);
bool fold_squeeze(Node&);
bool fold_unsqueeze(Node&);
bool fold_expand(Node&);
bool fold_split(Node&);
bool fold_reduce(Node&);

// What translating and folding share.
/// Start, limit and step of one axis of Slice as our slice takes them; a fault where they cannot be told.
struct SliceBounds {
  Element start, limit;
};
std::optional<SliceBounds> slice_bounds(const Element& size, const Element& start, const Element& end,
                                        std::int64_t step);
/// Operands of Slice of any opset: starts, ends, axes, steps, all of one length.
struct SliceSpec {
  std::vector<Element> starts, ends;
  std::vector<std::int64_t> axes, steps;
};
SliceSpec slice_spec(Node& node, std::size_t rank);
/// The target of Reshape with 0 resolved; -1 stays.
std::vector<Element> reshape_target(Node& node, const Sizes& from);
/// Sizes of the parts of Split along an axis of `size`.
std::vector<Element> split_sizes(Node& node, const Element& size);
/// Axes of Squeeze; all axes of size 1 where none are named.
std::vector<std::int64_t> squeeze_axes(Node& node, const Sizes& dims);
/// The dtype named by attribute `to`, a fault where it is none of ours.
DType cast_target(Node& node);

}  // namespace rlx::onnx_import
