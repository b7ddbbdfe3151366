// SPDX-License-Identifier: Apache-2.0
// Inference of contractions and sliding windows: dot, conv, reduce_window, avg_pool, conv_act.
#include <algorithm>

#include "runtime/ir/infer_context.h"

namespace rlx::infer_detail {
namespace {

bool is_byte(DType dtype) { return dtype == DType::kI8 || dtype == DType::kU8; }

/// dtype of a product: floats and wide integers keep theirs, 8-bit integers become ACC.
Result<DType> product_dtype(const Context& c) {
  RLX_TRY(c.wants_dtype(0, Wants::kNumber));
  RLX_TRY(c.wants_dtype(1, Wants::kNumber));
  DType acc = DType::kNone;
  if (c.find(RLX_ATTR_ACC)) {
    RLX_ASSIGN(acc, c.dtype(RLX_ATTR_ACC));
    if (is_float(acc) != is_float(c.at(0).dtype))
      return c.bad_attribute(RLX_ATTR_ACC, "is ", dtype_name(acc), ", wanted one that can hold sums of ",
                             dtype_name(c.at(0).dtype));
  }
  if (is_byte(c.at(0).dtype) && is_byte(c.at(1).dtype)) return acc == DType::kNone ? DType::kI32 : acc;
  RLX_TRY(c.wants_same_dtype(1, 0));
  return c.at(0).dtype;
}

Dims free_dims(const Dims& dims, const std::vector<std::size_t>& contract,
               const std::vector<std::size_t>& batch) {
  Dims result;
  for (std::size_t k = 0; k < dims.size(); ++k)
    if (std::find(contract.begin(), contract.end(), k) == contract.end() &&
        std::find(batch.begin(), batch.end(), k) == batch.end())
      result.push_back(dims[k]);
  return result;
}

/// The axes of one operand, absent = none; contracted and batch axes are different ones.
Status dot_axes(const Context& c, std::size_t operand, std::uint32_t contract_key, std::uint32_t batch_key,
                std::vector<std::size_t>& contract, std::vector<std::size_t>& batch) {
  if (c.find(contract_key)) {
    RLX_ASSIGN(contract, c.axes(contract_key, c.at(operand).rank()));
  }
  if (c.find(batch_key)) {
    RLX_ASSIGN(batch, c.axes(batch_key, c.at(operand).rank()));
  }
  for (const std::size_t axis : batch)
    if (std::find(contract.begin(), contract.end(), axis) != contract.end())
      return c.bad_attribute(batch_key, "names axis ", axis, " that ", Context::attribute_text(contract_key),
                             " names too, wanted different axes");
  return {};
}

}  // namespace

Result<Shapes> infer_dot(const Context& c) {
  RLX_TRY(c.wants_count(2));
  RLX_ASSIGN(const DType dtype, product_dtype(c));
  const Dims& a = c.at(0).dims;
  const Dims& b = c.at(1).dims;
  std::vector<std::size_t> contract_a, contract_b, batch_a, batch_b;
  RLX_TRY(dot_axes(c, 0, RLX_ATTR_CONTRACT_A, RLX_ATTR_BATCH_A, contract_a, batch_a));
  RLX_TRY(dot_axes(c, 1, RLX_ATTR_CONTRACT_B, RLX_ATTR_BATCH_B, contract_b, batch_b));
  if (contract_a.size() != contract_b.size())
    return c.bad_attribute(RLX_ATTR_CONTRACT_B, "has ", contract_b.size(), " entries, wanted ",
                           contract_a.size());
  if (batch_a.size() != batch_b.size())
    return c.bad_attribute(RLX_ATTR_BATCH_B, "has ", batch_b.size(), " entries, wanted ", batch_a.size());
  for (std::size_t i = 0; i < contract_a.size(); ++i)
    RLX_TRY(c.unify(b[contract_b[i]], a[contract_a[i]],
                    words("contracted axis ", contract_b[i], " of operand 1 ", c.at(1), " against axis ",
                          contract_a[i], " of operand 0 ", c.at(0))));
  Dims dims;
  for (std::size_t i = 0; i < batch_a.size(); ++i) {
    RLX_ASSIGN(const Dim size, c.unify(b[batch_b[i]], a[batch_a[i]],
                                       words("batch axis ", batch_b[i], " of operand 1 ", c.at(1),
                                             " against axis ", batch_a[i], " of operand 0 ", c.at(0))));
    dims.push_back(size);
  }
  for (const Dim& size : free_dims(a, contract_a, batch_a)) dims.push_back(size);
  for (const Dim& size : free_dims(b, contract_b, batch_b)) dims.push_back(size);
  return one(dtype, std::move(dims));
}

namespace {

/// Results of sliding windows of the given sizes over the spatial axes of operand 0.
Result<Dims> slide(const Context& c, std::span<const Dim> window, bool input_dilation) {
  const Shape& x = c.at(0);
  const std::size_t spatial = window.size();
  RLX_ASSIGN(const auto strides, c.integers(RLX_ATTR_STRIDES, spatial, 1, 1));
  RLX_ASSIGN(const auto dilation, c.integers(RLX_ATTR_DILATION, spatial, 1, 1));
  std::vector<std::int64_t> spread(spatial, 1);
  if (input_dilation) {
    RLX_ASSIGN(spread, c.integers(RLX_ATTR_INPUT_DILATION, spatial, 1, 1));
  }
  RLX_ASSIGN(const Dims low, c.dims(RLX_ATTR_LOW, spatial, 0));
  RLX_ASSIGN(const Dims high, c.dims(RLX_ATTR_HIGH, spatial, 0));
  Dims dims;
  for (std::size_t i = 0; i < spatial; ++i) {
    const Dim& n = x.dims[i + 2];
    const Dim wide = spread[i] == 1 ? n : n + max(n - 1, 0) * Dim(spread[i] - 1);
    const Dim padded = low[i] + wide + high[i];
    const Dim reach = (window[i] - 1) * Dim(dilation[i]) + 1;
    RLX_TRY(c.at_least(window[i], 1, words("window of axis ", i + 2)));
    RLX_TRY(c.at_least(padded, reach,
                       words("padded axis ", i + 2, " of operand 0 ", x, " under a window of ", reach)));
    dims.push_back(floor_div(padded - reach, strides[i]) + 1);
  }
  return dims;
}

Result<std::size_t> spatial_rank(const Context& c) {
  const std::size_t rank = c.at(0).rank();
  if (rank < 3 || rank > 5)
    return c.error(ErrorCode::kShapeMismatch, "operand 0 is ", to_string(c.at(0)), " of rank ", rank,
                   ", wanted rank 3 to 5 (N, C and 1 to 3 spatial axes)");
  return rank - 2;
}

/// Dims of a convolution of operands 0 and 1.
Result<Dims> convolved(const Context& c) {
  RLX_TRY(spatial_rank(c));
  const Shape& x = c.at(0);
  const Shape& w = c.at(1);
  RLX_TRY(c.wants_rank(1, x.rank()));
  RLX_ASSIGN(const std::int64_t groups, c.integer(RLX_ATTR_GROUPS, 1));
  if (groups < 1) return c.bad_attribute(RLX_ATTR_GROUPS, "is ", groups, ", wanted 1 or more");
  RLX_TRY(c.unify(w.dims[1] * Dim(groups), x.dims[1],
                  words("axis 1 of operand 1 ", w, " times ", groups, " groups")));
  RLX_TRY(
      c.unify(mod(w.dims[0], groups), 0, words("axis 0 of operand 1 ", w, " modulo ", groups, " groups")));
  const Dims window(w.dims.begin() + 2, w.dims.end());
  RLX_ASSIGN(const Dims spatial, slide(c, window, true));
  Dims dims{x.dims[0], w.dims[0]};
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  return dims;
}

/// Dims of windows of the attribute WINDOW over operand 0.
Result<Dims> windowed(const Context& c) {
  RLX_ASSIGN(const std::size_t spatial, spatial_rank(c));
  if (!c.find(RLX_ATTR_WINDOW))
    return c.bad_attribute(RLX_ATTR_WINDOW, "is absent, wanted a list of integers");
  RLX_ASSIGN(const Dims window, c.dims(RLX_ATTR_WINDOW, spatial, 1));
  RLX_ASSIGN(const Dims sizes, slide(c, window, false));
  Dims dims{c.at(0).dims[0], c.at(0).dims[1]};
  dims.insert(dims.end(), sizes.begin(), sizes.end());
  return dims;
}

}  // namespace

Result<Shapes> infer_conv(const Context& c) {
  RLX_TRY(c.wants_count(2));
  RLX_ASSIGN(const DType dtype, product_dtype(c));
  RLX_ASSIGN(Dims dims, convolved(c));
  return one(dtype, std::move(dims));
}

Result<Shapes> infer_conv_act(const Context& c) {
  RLX_ASSIGN(const bool bias, c.flag(RLX_ATTR_HAS_BIAS, false));
  RLX_ASSIGN(const bool residual, c.flag(RLX_ATTR_HAS_RESIDUAL, false));
  RLX_TRY(c.wants_count(2u + bias + residual));
  RLX_TRY(c.choice(RLX_ATTR_ACT, RLX_ACT_NONE, RLX_ACT_NONE, RLX_ACT_THRESHOLDED_RELU));
  RLX_TRY(c.wants_dtype(0, Wants::kFloat));
  for (std::size_t i = 1; i < c.count(); ++i) RLX_TRY(c.wants_same_dtype(i, 0));
  RLX_ASSIGN(Dims dims, convolved(c));
  if (bias) {
    RLX_TRY(c.wants_dims(2, Dims{c.at(1).dims[0]}));
  }
  if (residual) {
    RLX_TRY(c.wants_dims(2u + bias, dims));
  }
  return one(c.at(0).dtype, std::move(dims));
}

Result<Shapes> infer_reduce_window(const Context& c) {
  RLX_TRY(c.wants_count(1));
  RLX_TRY(c.wants_dtype(0, Wants::kNumber));
  RLX_ASSIGN(const std::uint32_t fn, c.fn(RLX_REDUCE_MAX));
  if (fn != RLX_REDUCE_MAX && fn != RLX_REDUCE_SUM)
    return c.bad_attribute(RLX_ATTR_FN, "is ", fn, ", wanted max or sum");
  RLX_ASSIGN(const Dims dims, windowed(c));
  RLX_ASSIGN(const std::size_t results, c.results_wanted(1, fn == RLX_REDUCE_MAX ? 2 : 1, 1));
  Shapes shapes{Shape{c.at(0).dtype, dims}};
  if (results == 2) shapes.push_back(Shape{DType::kI64, dims});
  return shapes;
}

Result<Shapes> infer_avg_pool(const Context& c) {
  RLX_TRY(c.wants_count(1));
  RLX_TRY(c.wants_dtype(0, Wants::kFloat));
  RLX_TRY(c.flag(RLX_ATTR_COUNT_INCLUDE_PAD, false));
  RLX_ASSIGN(Dims dims, windowed(c));
  return one(c.at(0).dtype, std::move(dims));
}

}  // namespace rlx::infer_detail
