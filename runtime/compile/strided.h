// SPDX-License-Identifier: Apache-2.0
// Strided views with open sizes: what slice, transpose, broadcast and reshape do to dims, strides and offset. Everything
// is decided on the expressions, never on the sizes of one binding, so that every variant of a template has one skeleton.
#pragma once

#include <optional>
#include <span>

#include "runtime/ir/graph.h"

namespace rlx {

/// A view of a dense root: dims, strides in elements, offset in elements of element [0,..,0].
struct Strided {
  Dims dims;
  Dims strides;
  Dim offset = 0;
};

/// Row-major strides of `dims`.
Dims dense_strides(std::span<const Dim> dims);
/// Provably row-major without gaps (dims that are the number 1 do not count).
bool is_dense(const Strided& view);
/// Provably last dim of stride 1 (or of size 1, or rank 0).
bool is_inner_dense(const Strided& view);

Strided transposed(const Strided& view, std::span<const std::int64_t> perm);
/// Right-aligned; an axis of number 1 that grows gets stride 0.
Strided broadcasted(const Strided& view, std::span<const Dim> dims);
Strided sliced(const Strided& view, std::span<const Dim> start, std::span<const Dim> step, std::span<const Dim> result_dims);
/// The same elements with other dims; none where no strides can express it (provably).
std::optional<Strided> reshaped(const Strided& view, std::span<const Dim> dims);

}  // namespace rlx
