// SPDX-License-Identifier: Apache-2.0
// The gathers and scatters, with valid indices; what happens to others is OPS-08's.
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

std::string key(const char* op, DType dtype, const std::string& variant) {
  return std::string(op) + "/" + std::string(dtype_name(dtype)) + "/" + variant;
}

void gathers(std::vector<OpCase>& out, DType dtype) {
  const auto gather = [&](const char* variant, Sizes data, Sizes indices, std::int64_t axis, std::int64_t batch, DType index) {
    const std::int64_t limit = data[static_cast<std::size_t>(axis)];
    out.push_back({.name = key("gather", dtype, variant), .op = RLX_OP_GATHER, .operands = {operand(dtype, data), index_operand(index, indices, limit)},
                   .attributes = {{RLX_ATTR_AXIS, number(axis)}, {RLX_ATTR_BATCH_DIMS, number(batch)}, {RLX_ATTR_INDEX_POLICY, number(RLX_INDEX_ERROR)}, {RLX_ATTR_NEGATIVE_INDICES, number(0)}},
                   .exact = true, .effort = dtype == DType::kF32 || axis == 0 ? 0 : 1});
  };
  gather("axis0", {9, 5}, {2, 3}, 0, 0, DType::kI64);
  gather("axis1", {4, 9, 3}, {7}, 1, 0, DType::kI32);
  gather("axis2", {2, 3, 9}, {4, 2}, 2, 0, DType::kI64);
  gather("axis1_scalar", {4, 9, 3}, {}, 1, 0, DType::kI64);
  gather("axis1_batch1", {4, 9, 3}, {4, 5}, 1, 1, DType::kI64);
  gather("axis2_batch2", {2, 3, 9}, {2, 3, 4}, 2, 2, DType::kI32);
}

void gather_others(std::vector<OpCase>& out, DType dtype) {
  const int effort = dtype == DType::kF32 ? 0 : 1;
  for (std::int64_t axis = 0; axis < 3; ++axis) {
    Sizes indices = {3, 4, 5};
    indices[static_cast<std::size_t>(axis)] = 8;
    out.push_back({.name = key("gather_elements", dtype, "axis" + std::to_string(axis)), .op = RLX_OP_GATHER_ELEMENTS,
                   .operands = {operand(dtype, {4, 4, 5}), index_operand(axis ? DType::kI64 : DType::kI32, indices, 4)},
                   .attributes = {{RLX_ATTR_AXIS, number(axis)}, {RLX_ATTR_INDEX_POLICY, number(RLX_INDEX_ERROR)}, {RLX_ATTR_NEGATIVE_INDICES, number(0)}},
                   .exact = true, .effort = effort});
  }
  const auto nd = [&](const char* variant, Sizes data, Sizes indices, std::int64_t batch, std::int64_t limit) {
    out.push_back({.name = key("gather_nd", dtype, variant), .op = RLX_OP_GATHER_ND, .operands = {operand(dtype, data), index_operand(DType::kI64, indices, limit)},
                   .attributes = {{RLX_ATTR_BATCH_DIMS, number(batch)}, {RLX_ATTR_INDEX_POLICY, number(RLX_INDEX_ERROR)}, {RLX_ATTR_NEGATIVE_INDICES, number(0)}},
                   .exact = true, .effort = effort});
  };
  nd("k1", {5, 6}, {7, 1}, 0, 5);
  nd("k2", {5, 6, 3}, {2, 4, 2}, 0, 5);
  nd("k3_all", {5, 6, 5}, {9, 3}, 0, 5);
  nd("batch1", {4, 5, 6}, {4, 3, 1}, 1, 5);
}

void scatters(std::vector<OpCase>& out, DType dtype) {
  constexpr const char* kReduce[] = {"set", "add", "mul", "min", "max"};
  for (std::int64_t reduce = RLX_SCATTER_SET; reduce <= (dtype == DType::kBool ? RLX_SCATTER_SET : RLX_SCATTER_MAX); ++reduce) {
    Fill fill;
    fill.units = reduce == RLX_SCATTER_MUL;
    const Attributes common = {{RLX_ATTR_REDUCE, number(reduce)}, {RLX_ATTR_INDEX_POLICY, number(RLX_INDEX_ERROR)}, {RLX_ATTR_NEGATIVE_INDICES, number(0)}};
    const int effort = dtype == DType::kF32 || (dtype == DType::kI64 && reduce < 2) ? 0 : 1;
    for (std::int64_t axis = 0; axis < 2; ++axis) {
      Attributes attributes = common;
      attributes[RLX_ATTR_AXIS] = number(axis);
      const Sizes indices = axis ? Sizes{4, 9} : Sizes{9, 5};
      out.push_back({.name = key("scatter_elements", dtype, std::string(kReduce[reduce]) + "_axis" + std::to_string(axis)), .op = RLX_OP_SCATTER_ELEMENTS,
                     .operands = {operand(dtype, {5, 5}, fill), index_operand(axis ? DType::kI64 : DType::kI32, indices, 5), operand(dtype, indices, fill)},
                     .attributes = attributes, .exact = true, .effort = effort});
    }
    out.push_back({.name = key("scatter_nd", dtype, std::string(kReduce[reduce]) + "_rows"), .op = RLX_OP_SCATTER_ND,
                   .operands = {operand(dtype, {4, 6}, fill), index_operand(DType::kI64, {7, 1}, 4), operand(dtype, {7, 6}, fill)},
                   .attributes = common, .exact = true, .effort = effort});
    out.push_back({.name = key("scatter_nd", dtype, std::string(kReduce[reduce]) + "_elements"), .op = RLX_OP_SCATTER_ND,
                   .operands = {operand(dtype, {4, 6}, fill), index_operand(DType::kI32, {3, 5, 2}, 4), operand(dtype, {3, 5}, fill)},
                   .attributes = common, .exact = true, .effort = effort});
  }
}

}  // namespace

void index_cases(std::vector<OpCase>& out) {
  for (const DType dtype : all_dtypes()) {
    gathers(out, dtype);
    gather_others(out, dtype);
    scatters(out, dtype);
  }
}

}  // namespace rlx::conform
