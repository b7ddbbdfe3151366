// SPDX-License-Identifier: Apache-2.0
// Inference of ops that compute element by element, and of those that make data from nothing.
#include "runtime/ir/infer_context.h"

namespace rlx::infer_detail {
namespace {

/// Dims of operands of one rank whose dims are equal or 1.
Result<Dims> joined(const Context& c, std::size_t first) {
  Dims dims = c.at(first).dims;
  for (std::size_t i = first + 1; i < c.count(); ++i) {
    if (c.at(i).rank() != dims.size())
      return c.error(ErrorCode::kShapeMismatch, "operand ", i, " is ", to_string(c.at(i)), " of rank ",
                     c.at(i).rank(), ", wanted rank ", dims.size(), " as operand ", first, " ",
                     to_string(c.at(first)));
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      RLX_ASSIGN(dims[axis], c.broadcast(c.at(i).dims[axis], dims[axis],
                                         words("axis ", axis, " of operand ", i, " ", c.at(i), " against ",
                                               c.at(first))));
    }
  }
  return dims;
}

Wants unary_wants(std::uint32_t fn) {
  switch (fn) {
    case RLX_UNARY_NEG:
    case RLX_UNARY_ABS:
    case RLX_UNARY_SIGN:
      return Wants::kNumber;
    case RLX_UNARY_NOT:
      return Wants::kIntOrBool;
    default:
      return Wants::kFloat;
  }
}

Wants binary_wants(std::uint32_t fn) {
  switch (fn) {
    case RLX_BINARY_AND:
    case RLX_BINARY_OR:
    case RLX_BINARY_XOR:
      return Wants::kIntOrBool;
    case RLX_BINARY_SHL:
    case RLX_BINARY_SHR_LOGICAL:
      return Wants::kInt;
    default:
      return Wants::kNumber;
  }
}

}  // namespace

Result<Shapes> infer_copy(const Context& c) {
  RLX_TRY(c.wants_count(1));
  return Shapes{c.at(0)};
}

Result<Shapes> infer_unary(const Context& c) {
  RLX_TRY(c.wants_count(1));
  RLX_ASSIGN(const std::uint32_t fn, c.fn(RLX_UNARY_ISINF_NEG));
  RLX_TRY(c.wants_dtype(0, unary_wants(fn)));
  const bool test = fn >= RLX_UNARY_ISNAN;
  return one(test ? DType::kBool : c.at(0).dtype, c.at(0).dims);
}

Result<Shapes> infer_binary(const Context& c) {
  RLX_TRY(c.wants_count(2));
  RLX_ASSIGN(const std::uint32_t fn, c.fn(RLX_BINARY_SHR_LOGICAL));
  RLX_TRY(c.wants_dtype(0, binary_wants(fn)));
  RLX_TRY(c.wants_same_dtype(1, 0));
  RLX_ASSIGN(Dims dims, joined(c, 0));
  return one(c.at(0).dtype, std::move(dims));
}

Result<Shapes> infer_compare(const Context& c) {
  RLX_TRY(c.wants_count(2));
  RLX_ASSIGN(const std::uint32_t fn, c.fn(RLX_COMPARE_GE));
  RLX_TRY(c.wants_dtype(0, fn <= RLX_COMPARE_NE ? Wants::kAny : Wants::kNumber));
  RLX_TRY(c.wants_same_dtype(1, 0));
  RLX_ASSIGN(Dims dims, joined(c, 0));
  return one(DType::kBool, std::move(dims));
}

Result<Shapes> infer_select(const Context& c) {
  RLX_TRY(c.wants_count(3));
  RLX_TRY(c.wants_dtype(0, Wants::kBool));
  RLX_TRY(c.wants_same_dtype(2, 1));
  RLX_ASSIGN(Dims dims, joined(c, 0));
  return one(c.at(1).dtype, std::move(dims));
}

Result<Shapes> infer_cast(const Context& c) {
  RLX_TRY(c.wants_count(1));
  RLX_ASSIGN(const DType to, c.dtype(RLX_ATTR_TO));
  RLX_TRY(c.choice(RLX_ATTR_ROUND, RLX_ROUND_EVEN, RLX_ROUND_EVEN, RLX_ROUND_ZERO));
  RLX_TRY(c.choice(RLX_ATTR_OVERFLOW, RLX_OVERFLOW_SATURATE, RLX_OVERFLOW_SATURATE, RLX_OVERFLOW_INF));
  return one(to, c.at(0).dims);
}

Result<Shapes> infer_bitcast(const Context& c) {
  RLX_TRY(c.wants_count(1));
  RLX_ASSIGN(const DType to, c.dtype(RLX_ATTR_TO));
  const std::size_t seen = dtype_bytes(c.at(0).dtype);
  if (seen != dtype_bytes(to))
    return c.error(ErrorCode::kDtypeMismatch, "operand 0 is ", to_string(c.at(0)), " with ", seen,
                   " bytes an element, wanted ", dtype_bytes(to), " as ", dtype_name(to));
  return one(to, c.at(0).dims);
}

Result<Shapes> infer_iota(const Context& c) {
  RLX_TRY(c.wants_count(0));
  RLX_ASSIGN(const DType to, c.dtype(RLX_ATTR_TO));
  if (!fits(to, Wants::kNumber))
    return c.bad_attribute(RLX_ATTR_TO, "is ", dtype_name(to), ", wanted a number's");
  RLX_ASSIGN(Dims dims, c.dims(RLX_ATTR_DIMS));
  RLX_TRY(c.sizes_not_negative(dims, RLX_ATTR_DIMS));
  RLX_TRY(c.axis(RLX_ATTR_AXIS, dims.size(), 0));
  return one(to, std::move(dims));
}

Result<Shapes> infer_dim(const Context& c) {
  RLX_TRY(c.wants_count(0));
  RLX_TRY(c.dim(RLX_ATTR_VALUE));
  return one(DType::kI64, {});
}

Result<Shapes> infer_rng_bits(const Context& c) {
  RLX_TRY(c.wants_count(2));
  RLX_TRY(c.wants_dtype(0, DType::kU32));
  RLX_TRY(c.wants_dtype(1, DType::kU32));
  RLX_TRY(c.wants_dims(0, Dims{2}));
  RLX_TRY(c.wants_dims(1, Dims{4}));
  RLX_ASSIGN(Dims dims, c.dims(RLX_ATTR_DIMS));
  RLX_TRY(c.sizes_not_negative(dims, RLX_ATTR_DIMS));
  return one(DType::kU32, std::move(dims));
}

Result<Shapes> infer_act(const Context& c) {
  RLX_TRY(c.wants_count(1));
  RLX_ASSIGN(const std::int64_t fn,
             c.choice(RLX_ATTR_FN, RLX_ACT_NONE, RLX_ACT_NONE, RLX_ACT_THRESHOLDED_RELU));
  RLX_TRY(c.real(RLX_ATTR_ACT_ALPHA, 0));
  RLX_TRY(c.real(RLX_ATTR_ACT_BETA, 0));
  const bool integers_too = fn == RLX_ACT_NONE || fn == RLX_ACT_RELU || fn == RLX_ACT_CLIP;
  RLX_TRY(c.wants_dtype(0, integers_too ? Wants::kNumber : Wants::kFloat));
  return Shapes{c.at(0)};
}

}  // namespace rlx::infer_detail
