// SPDX-License-Identifier: Apache-2.0
// reduce, arg_reduce, cumulate, top_k, nonzero, reduce_window, avg_pool, segment_reduce.
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

constexpr const char* kFolds[] = {"", "sum", "prod", "max", "min", "all", "any"};

std::string key(const std::string& op, DType dtype, const std::string& variant) {
  return op + "/" + std::string(dtype_name(dtype)) + "/" + variant;
}

int effort_of(DType dtype) { return dtype == DType::kF32 || dtype == DType::kI64 ? 0 : 1; }

/// Data that suit a fold: products stay small.
Fill fold_fill(std::uint32_t fn) {
  Fill fill;
  if (fn == RLX_REDUCE_PROD) fill.units = true, fill.low = 0.75, fill.high = 1.5;
  return fill;
}

void reduces(std::vector<OpCase>& out, DType dtype) {
  struct Variant {
    const char* name;
    Sizes axes;
    std::int64_t keep;
  };
  static const Variant kVariants[] = {{"axis2", {2}, 0}, {"axis0_keep", {0}, 1}, {"axis1", {1}, 0}, {"axes01", {0, 1}, 0}, {"axes02_keep", {0, 2}, 1}, {"all", {0, 1, 2}, 0}, {"none", {}, 0}};
  const bool logical = dtype == DType::kBool;
  for (std::uint32_t fn = logical ? RLX_REDUCE_ALL : RLX_REDUCE_SUM; fn <= (logical ? RLX_REDUCE_ANY : RLX_REDUCE_MIN); ++fn)
    for (const Variant& variant : kVariants)
      out.push_back({.name = key(std::string("reduce.") + kFolds[fn], dtype, variant.name), .op = RLX_OP_REDUCE, .fn = fn,
                     .operands = {operand(dtype, {3, 4, 19}, fold_fill(fn))},
                     .attributes = {{RLX_ATTR_FN, number(fn)}, {RLX_ATTR_AXES, integers(variant.axes)}, {RLX_ATTR_KEEP, number(variant.keep)}},
                     .exact = true, .effort = effort_of(dtype)});
  if (is_float(dtype))
    out.push_back({.name = key("reduce.sum", dtype, "acc"), .op = RLX_OP_REDUCE, .fn = RLX_REDUCE_SUM, .operands = {operand(dtype, {3, 4, 19}, fold_fill(RLX_REDUCE_SUM))},
                   .attributes = {{RLX_ATTR_FN, number(RLX_REDUCE_SUM)}, {RLX_ATTR_AXES, integers({2})}, {RLX_ATTR_ACC, dtype == DType::kF64 ? DType::kF64 : DType::kF32}},
                   .exact = true, .effort = effort_of(dtype)});
}

void orders(std::vector<OpCase>& out, DType dtype) {
  for (const std::uint32_t fn : {RLX_REDUCE_MAX, RLX_REDUCE_MIN})
    for (std::int64_t axis = 0; axis < 3; ++axis)
      for (const std::int64_t tie : {RLX_TIE_FIRST, RLX_TIE_LAST})
        out.push_back({.name = key(std::string("arg_reduce.") + kFolds[fn], dtype, "axis" + std::to_string(axis) + (tie ? "_last" : "_first")), .op = RLX_OP_ARG_REDUCE, .fn = fn,
                       .operands = {operand(dtype, {3, 5, 19})},
                       .attributes = {{RLX_ATTR_FN, number(fn)}, {RLX_ATTR_AXIS, number(axis)}, {RLX_ATTR_KEEP, number(axis == 1)}, {RLX_ATTR_TIE, number(tie)}},
                       .exact = true, .effort = dtype == DType::kF32 ? 0 : 1});
  for (std::int64_t axis = 0; axis < 3; ++axis)
    for (const std::int64_t largest : {1, 0})
      out.push_back({.name = key("top_k", dtype, "axis" + std::to_string(axis) + (largest ? "_largest" : "_least")), .op = RLX_OP_TOP_K,
                     .operands = {operand(dtype, {5, 6, 19})},
                     .attributes = {{RLX_ATTR_K, number(5)}, {RLX_ATTR_AXIS, number(axis)}, {RLX_ATTR_LARGEST, number(largest)}, {RLX_ATTR_SORTED, number(1)}},
                     .exact = true, .effort = dtype == DType::kF32 ? 0 : 1});
}

void cumulates(std::vector<OpCase>& out, DType dtype) {
  for (std::uint32_t fn = RLX_REDUCE_SUM; fn <= RLX_REDUCE_MIN; ++fn)
    for (std::int64_t variant = 0; variant < 4; ++variant)
      for (std::int64_t axis = 0; axis < 3; axis += fn == RLX_REDUCE_SUM ? 1 : 2)
        out.push_back({.name = key(std::string("cumulate.") + kFolds[fn], dtype, "axis" + std::to_string(axis) + (variant & 1 ? "_exclusive" : "") + (variant & 2 ? "_reverse" : "")),
                       .op = RLX_OP_CUMULATE, .fn = fn, .operands = {operand(dtype, {3, 4, 17}, fold_fill(fn))},
                       .attributes = {{RLX_ATTR_FN, number(fn)}, {RLX_ATTR_AXIS, number(axis)}, {RLX_ATTR_EXCLUSIVE, number(variant & 1)}, {RLX_ATTR_REVERSE, number(variant >> 1)}},
                       .exact = true, .effort = dtype == DType::kF32 || (dtype == DType::kI64 && axis == 0) ? 0 : 1});
}

/// Three of five elements are not zero, and CAP is as many: columns past the count would be anybody's.
void nonzeros(std::vector<OpCase>& out, DType dtype) {
  const std::vector<std::int64_t> pattern = {0, 1, 2, 0, is_unsigned_int(dtype) || dtype == DType::kBool ? 1 : -1};
  out.push_back({.name = key("nonzero", dtype, "4x5"), .op = RLX_OP_NONZERO, .operands = {given(dtype, {4, 5}, dtype == DType::kBool ? std::vector<std::int64_t>{0, 1, 1, 0, 1} : pattern)},
                 .attributes = {{RLX_ATTR_CAP, number(12)}}, .exact = true, .effort = effort_of(dtype)});
  out.push_back({.name = key("nonzero", dtype, "2x3x5"), .op = RLX_OP_NONZERO, .operands = {given(dtype, {2, 3, 5}, dtype == DType::kBool ? std::vector<std::int64_t>{0, 1, 1, 0, 1} : pattern)},
                 .attributes = {{RLX_ATTR_CAP, number(18)}}, .exact = true, .effort = effort_of(dtype)});
}

struct WindowCase {
  const char* name;
  Sizes x, window, strides, dilation, low, high;
};
const WindowCase kWindows[] = {
    {"1d", {2, 3, 17}, {3}, {2}, {1}, {1}, {1}},
    {"2d_pad", {2, 2, 7, 9}, {3, 2}, {2, 1}, {1, 1}, {1, 0}, {1, 1}},
    {"2d_dilated", {1, 2, 9, 8}, {2, 3}, {1, 2}, {3, 2}, {0, 1}, {0, 2}},
    {"3d", {1, 2, 4, 5, 6}, {2, 2, 3}, {1, 2, 2}, {1, 1, 1}, {0, 1, 0}, {0, 0, 1}},
};

Attributes window_attributes(const WindowCase& window) {
  return {{RLX_ATTR_WINDOW, integers(window.window)}, {RLX_ATTR_STRIDES, integers(window.strides)}, {RLX_ATTR_DILATION, integers(window.dilation)},
          {RLX_ATTR_LOW, integers(window.low)}, {RLX_ATTR_HIGH, integers(window.high)}};
}

void windows(std::vector<OpCase>& out, DType dtype) {
  for (const WindowCase& window : kWindows) {
    for (const std::uint32_t fn : {RLX_REDUCE_MAX, RLX_REDUCE_SUM})
      for (std::size_t results = 1; results <= (fn == RLX_REDUCE_MAX ? 2u : 1u); ++results) {
        Attributes attributes = window_attributes(window);
        attributes[RLX_ATTR_FN] = number(fn);
        out.push_back({.name = key(std::string("reduce_window.") + kFolds[fn], dtype, window.name + std::string(results == 2 ? "_index" : "")), .op = RLX_OP_REDUCE_WINDOW, .fn = fn,
                       .operands = {operand(dtype, window.x)}, .attributes = attributes, .results = results, .exact = true, .effort = dtype == DType::kF32 ? 0 : 1});
      }
    if (!is_float(dtype)) continue;
    for (const std::int64_t include : {0, 1}) {
      Attributes attributes = window_attributes(window);
      attributes[RLX_ATTR_COUNT_INCLUDE_PAD] = number(include);
      out.push_back({.name = key("avg_pool", dtype, window.name + std::string(include ? "_include" : "")), .op = RLX_OP_AVG_POOL, .operands = {operand(dtype, window.x)},
                     .attributes = attributes, .effort = dtype == DType::kF32 ? 0 : 1});
    }
  }
}

void segments(std::vector<OpCase>& out, DType dtype) {
  for (std::uint32_t fn = RLX_REDUCE_SUM; fn <= RLX_REDUCE_MIN; ++fn)
    for (const DType offsets : {DType::kI64, DType::kI32})
      out.push_back({.name = key(std::string("segment_reduce.") + kFolds[fn], dtype, offsets == DType::kI64 ? "i64" : "i32"), .op = RLX_OP_SEGMENT_REDUCE, .fn = fn,
                     .operands = {operand(dtype, {11, 5}, fold_fill(fn)), given(offsets, {5}, {0, 3, 3, 10, 11})},
                     .attributes = {{RLX_ATTR_FN, number(fn)}}, .exact = true, .effort = dtype == DType::kF32 ? 0 : 1});
}

}  // namespace

void reduce_cases(std::vector<OpCase>& out) {
  for (const DType dtype : all_dtypes()) {
    reduces(out, dtype);
    nonzeros(out, dtype);
    if (dtype == DType::kBool) continue;
    orders(out, dtype);
    cumulates(out, dtype);
    windows(out, dtype);
    segments(out, dtype);
  }
}

}  // namespace rlx::conform
