// SPDX-License-Identifier: Apache-2.0
// copy, concat, pad, dynamic slices, rng_bits.
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

std::string key(const char* op, DType dtype, const std::string& variant) {
  return std::string(op) + "/" + std::string(dtype_name(dtype)) + "/" + variant;
}

/// Every variant runs in f32 at once; of each other dtype the first does, the rest wait for profile ci.
struct Adder {
  std::vector<OpCase>& out;
  DType dtype;
  int made = 0;
  void operator()(OpCase op_case) {
    op_case.exact = true;
    op_case.effort = dtype == DType::kF32 || made == 0 ? 0 : 1;
    ++made;
    out.push_back(std::move(op_case));
  }
};

void copies(std::vector<OpCase>& out, DType dtype) {
  Adder add{out, dtype};
  for (const Sizes& dims : {Sizes{5, 7, 3}, Sizes{}, Sizes{129}})
    add({.name = key("copy", dtype, dims_text(dims)), .op = RLX_OP_COPY, .operands = {operand(dtype, dims)}});
}

void concats(std::vector<OpCase>& out, DType dtype) {
  Adder add{out, dtype};
  add({.name = key("concat", dtype, "axis1_of3"), .op = RLX_OP_CONCAT,
       .operands = {operand(dtype, {3, 5, 2}), operand(dtype, {3, 1, 2}), operand(dtype, {3, 17, 2})}, .attributes = {{RLX_ATTR_AXIS, number(1)}}});
  add({.name = key("concat", dtype, "axis0"), .op = RLX_OP_CONCAT, .operands = {operand(dtype, {3, 9}), operand(dtype, {2, 9})},
       .attributes = {{RLX_ATTR_AXIS, number(0)}}});
  add({.name = key("concat", dtype, "axis2_empty"), .op = RLX_OP_CONCAT,
       .operands = {operand(dtype, {3, 2, 5}), operand(dtype, {3, 2, 0}), operand(dtype, {3, 2, 8})}, .attributes = {{RLX_ATTR_AXIS, number(2)}}});
  add({.name = key("concat", dtype, "one"), .op = RLX_OP_CONCAT, .operands = {operand(dtype, {3, 9})}, .attributes = {{RLX_ATTR_AXIS, number(1)}}});
}

void pads(std::vector<OpCase>& out, DType dtype) {
  Adder add{out, dtype};
  const auto pad = [&](const char* variant, std::int64_t mode, Sizes low, Sizes high, Sizes interior) {
    add({.name = key("pad", dtype, variant), .op = RLX_OP_PAD, .operands = {operand(dtype, {4, 5, 6}), operand(dtype, {})},
         .attributes = {{RLX_ATTR_LOW, integers(low)}, {RLX_ATTR_HIGH, integers(high)}, {RLX_ATTR_INTERIOR, integers(interior)}, {RLX_ATTR_MODE, number(mode)}}});
  };
  pad("const", RLX_PAD_CONST, {1, 0, 3}, {2, 1, 0}, {0, 0, 0});
  pad("const_interior", RLX_PAD_CONST, {0, 2, 1}, {1, 0, 1}, {1, 0, 2});
  pad("const_crop", RLX_PAD_CONST, {-1, 2, 0}, {1, -2, -3}, {0, 0, 0});
  pad("edge", RLX_PAD_EDGE, {2, 0, 7}, {1, 3, 9}, {0, 0, 0});
  pad("reflect", RLX_PAD_REFLECT, {3, 0, 5}, {1, 4, 2}, {0, 0, 0});
  pad("wrap", RLX_PAD_WRAP, {4, 0, 3}, {1, 5, 6}, {0, 0, 0});
}

void dynamic(std::vector<OpCase>& out, DType dtype) {
  Adder add{out, dtype};
  const auto starts = [](std::initializer_list<std::int64_t> list) { return given(DType::kI64, {3}, list); };
  add({.name = key("dynamic_slice", dtype, "inside"), .op = RLX_OP_DYNAMIC_SLICE, .operands = {operand(dtype, {5, 6, 7}), starts({2, 0, 3})},
       .attributes = {{RLX_ATTR_SIZES, integers({3, 6, 4})}, {RLX_ATTR_INDEX_POLICY, number(RLX_INDEX_ERROR)}}});
  add({.name = key("dynamic_slice", dtype, "clamp"), .op = RLX_OP_DYNAMIC_SLICE, .operands = {operand(dtype, {5, 6, 7}), starts({-3, 1, INT64_MAX})},
       .attributes = {{RLX_ATTR_SIZES, integers({2, 4, 5})}, {RLX_ATTR_INDEX_POLICY, number(RLX_INDEX_CLAMP)}}});
  add({.name = key("dynamic_update_slice", dtype, "inside"), .op = RLX_OP_DYNAMIC_UPDATE_SLICE,
       .operands = {operand(dtype, {5, 6, 7}), operand(dtype, {3, 6, 4}), starts({2, 0, 3})}, .attributes = {{RLX_ATTR_INDEX_POLICY, number(RLX_INDEX_ERROR)}}});
  add({.name = key("dynamic_update_slice", dtype, "clamp"), .op = RLX_OP_DYNAMIC_UPDATE_SLICE,
       .operands = {operand(dtype, {5, 6, 7}), operand(dtype, {2, 4, 5}), starts({-3, 9, INT64_MIN})}, .attributes = {{RLX_ATTR_INDEX_POLICY, number(RLX_INDEX_CLAMP)}}});
  add({.name = key("dynamic_update_slice", dtype, "empty"), .op = RLX_OP_DYNAMIC_UPDATE_SLICE,
       .operands = {operand(dtype, {5, 6, 7}), operand(dtype, {2, 0, 5}), starts({1, 2, 0})}, .attributes = {{RLX_ATTR_INDEX_POLICY, number(RLX_INDEX_ERROR)}}});
}

void bits(std::vector<OpCase>& out) {
  Fill key_fill;
  key_fill.low = 0;
  key_fill.high = 4294967296.0;
  for (const Sizes& dims : {Sizes{3, 7}, Sizes{1}, Sizes{130}})
    out.push_back({.name = "rng_bits/u32/" + dims_text(dims), .op = RLX_OP_RNG_BITS,
                   .operands = {operand(DType::kU32, {2}, key_fill), operand(DType::kU32, {4}, key_fill)}, .attributes = {{RLX_ATTR_DIMS, integers(dims)}}, .exact = true, .effort = 0});
  out.push_back({.name = "rng_bits/u32/carry", .op = RLX_OP_RNG_BITS,
                 .operands = {operand(DType::kU32, {2}, key_fill), given(DType::kU32, {4}, {0xfffffffe, 0xffffffff, 0xffffffff, 0})},
                 .attributes = {{RLX_ATTR_DIMS, integers({5, 5})}}, .exact = true, .effort = 0});
}

}  // namespace

void movement_cases(std::vector<OpCase>& out) {
  for (const DType dtype : all_dtypes()) {
    copies(out, dtype);
    concats(out, dtype);
    pads(out, dtype);
    dynamic(out, dtype);
  }
  bits(out);
}

}  // namespace rlx::conform
