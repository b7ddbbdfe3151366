// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/numeric/op_cases.h"

#include <rlx/compile.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "runtime/ir/build.h"
#include "runtime/ir/infer.h"
#include "runtime/reference/round.h"

namespace rlx::conform {
namespace {

constexpr DType kDtypes[] = {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI8,  DType::kI16, DType::kI32,
                             DType::kI64, DType::kU8,  DType::kU16, DType::kU32,  DType::kU64, DType::kBool};

Dims dims_of(const Sizes& sizes) { return Dims(sizes.begin(), sizes.end()); }

Node node_of(const OpCase& op_case) {
  Node node;
  node.op = op_case.op;
  node.attributes = op_case.attributes;
  node.regions = op_case.regions;
  node.results.resize(op_case.results);
  node.operands.resize(op_case.operands.size(), 0);
  return node;
}

std::vector<Shape> operand_shapes(const OpCase& op_case) {
  std::vector<Shape> shapes;
  for (const OperandCase& operand : op_case.operands) shapes.push_back({operand.dtype, dims_of(operand.dims)});
  return shapes;
}

double whole(const Fill& fill, bool is_unsigned, Random& random) {
  if (fill.units) {
    const std::uint64_t draw = random.below(16);
    return draw == 0 ? 2 : draw % 2 && !is_unsigned ? -1 : 1;
  }
  const double least = is_unsigned ? std::max(fill.least, 0.0) : fill.least;
  const auto choices = static_cast<std::uint64_t>(std::max(fill.most - least, 0.0)) + 1;
  return least + static_cast<double>(random.below(choices));
}

bool layout_allows(std::uint64_t layouts, std::size_t index, const OperandCase& operand) {
  if (!operand.window) return true;
  const std::uint64_t layout = layouts >> (2 * std::min<std::size_t>(index, 31)) & 3;
  return layout == RLX_LAYOUT_ANY || (layout == RLX_LAYOUT_INNER_DENSE && !operand.dims.empty() && operand.window->strides.back() == 1);
}

bool row_covers(const Claim& row, const OpCase& op_case, const std::vector<Shape>& results) {
  if (row.opcode != op_case.op || row.version_min > 1 || row.version_max < 1) return false;
  if (op_case.fn && !(row.functions >> op_case.fn & 1)) return false;
  const auto fits = [&](DType dtype, std::size_t rank) { return (row.dtypes >> static_cast<unsigned>(dtype) & 1) && rank <= row.max_rank; };
  for (std::size_t i = 0; i < op_case.operands.size(); ++i) {
    const OperandCase& operand = op_case.operands[i];
    if (operand.dtype == DType::kNone) continue;
    if (!fits(operand.dtype, operand.dims.size()) || !layout_allows(row.operand_layouts, i, operand)) return false;
  }
  return std::all_of(results.begin(), results.end(), [&](const Shape& shape) { return fits(shape.dtype, shape.rank()); });
}

}  // namespace

std::span<const DType> all_dtypes() { return kDtypes; }
std::span<const DType> number_dtypes() { return std::span(kDtypes).first(12); }
std::span<const DType> float_dtypes() { return std::span(kDtypes).first(4); }
std::span<const DType> integer_dtypes() { return std::span(kDtypes).subspan(4, 8); }

const std::vector<OpCase>& all_op_cases() {
  static const std::vector<OpCase> list = [] {
    std::vector<OpCase> out;
    pointwise_cases(out);
    movement_cases(out);
    index_cases(out);
    reduce_cases(out);
    product_cases(out);
    norm_cases(out);
    attention_cases(out);
    control_cases(out);
    return out;
  }();
  return list;
}

bool covers(const Facts& facts, const OpCase& op_case) {
  if (!facts.claim(op_case.op)) return false;
  const auto results = result_shapes(op_case);
  if (!results) return false;
  return std::any_of(facts.claims.begin(), facts.claims.end(), [&](const Claim& row) { return row_covers(row, op_case, *results); });
}

std::vector<const OpCase*> op_cases(const Facts& facts, int effort) {
  std::vector<const OpCase*> out;
  for (const OpCase& op_case : all_op_cases())
    if (op_case.effort <= effort && covers(facts, op_case)) out.push_back(&op_case);
  return out;
}

Result<std::vector<Shape>> result_shapes(const OpCase& op_case) {
  std::vector<Constraint> constraints;
  RLX_ASSIGN(const std::vector<Shape> shapes, infer(node_of(op_case), operand_shapes(op_case), constraints));
  if (!constraints.empty()) return fail(ErrorCode::kInternal, "the case ", op_case.name, " leaves open: ", constraints[0].reason);
  return shapes;
}

std::vector<std::uint32_t> add_operands(ImageBuilder& builder, const OpCase& op_case, const std::string& prefix) {
  std::vector<std::uint32_t> out;
  std::uint32_t params = 0;
  for (std::size_t i = 0; i < op_case.operands.size(); ++i) {
    const OperandCase& operand = op_case.operands[i];
    if (operand.dtype == DType::kNone) {
      out.push_back(RLX_NO_INDEX);
      continue;
    }
    const std::string name = prefix + "x" + std::to_string(i);
    const Dims root = dims_of(operand.window ? operand.window->root : operand.dims);
    std::uint32_t value = operand.param ? builder.param(name, operand.dtype, root, params++) : builder.input(name, operand.dtype, root);
    if (operand.window)
      value = builder.view(value, dims_of(operand.dims), dims_of(operand.window->strides),
                           operand.window->offset * static_cast<std::int64_t>(dtype_bytes(operand.dtype)));
    out.push_back(value);
  }
  return out;
}

Result<std::vector<std::uint32_t>> append_op(ImageBuilder& builder, const OpCase& op_case, const std::vector<std::uint32_t>& operands,
                                             const std::string& output_prefix) {
  RLX_ASSIGN(const std::vector<Shape> shapes, result_shapes(op_case));
  std::vector<std::uint32_t> regions, results;
  for (const auto& graph : op_case.regions) {
    RLX_ASSIGN(const std::uint32_t region, add_region(builder, *graph));
    regions.push_back(region);
  }
  const OpInfo* info = op_info(op_case.op);
  if (info && info->composite && regions.empty()) {
    RLX_ASSIGN(const std::uint32_t region, add_expansion(builder, op_case.op, operand_shapes(op_case), op_case.attributes, shapes.size()));
    regions.push_back(region);
  }
  for (std::size_t i = 0; i < shapes.size(); ++i)
    results.push_back(output_prefix.empty() ? builder.temp(shapes[i].dtype, shapes[i].dims)
                                            : builder.output(output_prefix + std::to_string(i), shapes[i].dtype, shapes[i].dims));
  builder.op(op_case.op, operands, results, op_case.attributes, regions);
  return results;
}

std::string fill_operand(const OperandCase& operand, Data data, Random& random) {
  const Fill& fill = operand.fill;
  reference::Tensor tensor(operand.dtype, operand.window ? operand.window->root : operand.dims);
  for (std::size_t i = 0; i < tensor.v.size(); ++i) {
    const double drawn = data == Data::kExact ? whole(fill, false, random) : fill.low + (fill.high - fill.low) * random.unit();
    tensor.v[i] = reference::round_to(operand.dtype, fill.reals.empty() ? drawn : fill.reals[i % fill.reals.size()]);
  }
  const bool is_unsigned = is_unsigned_int(operand.dtype);
  for (std::size_t i = 0; i < tensor.i.size(); ++i) {
    const double low = is_unsigned ? std::max(fill.low, 0.0) : fill.low;
    const double drawn = data == Data::kExact ? whole(fill, is_unsigned, random) : std::floor(low + (fill.high - low) * random.unit());
    tensor.i[i] = fill.integers.empty() ? static_cast<std::int64_t>(drawn) : fill.integers[i % fill.integers.size()];
    if (operand.dtype == DType::kBool) tensor.i[i] &= 1;
  }
  std::string bytes(tensor.count() * dtype_bytes(operand.dtype), '\0');
  reference::write_values(tensor, reinterpret_cast<std::byte*>(bytes.data()));
  return bytes;
}

Result<NumericCase> make_op_case(const OpCase& op_case, Data data, std::uint64_t seed) {
  ImageBuilder builder;
  const std::vector<std::uint32_t> operands = add_operands(builder, op_case);
  RLX_TRY(append_op(builder, op_case, operands));
  NumericCase made;
  RLX_ASSIGN(const lir::Image image, builder.image());
  made.image = bytes_of(image);
  Random random(seed);
  for (const OperandCase& operand : op_case.operands)
    if (operand.dtype != DType::kNone) (operand.param ? made.params : made.inputs).push_back(fill_operand(operand, data, random));
  made.refused = op_case.refused;
  made.untouched = op_case.refused && op_case.attributes.count(RLX_ATTR_NEGATIVE_INDICES) != 0;  // so the registry says of gather and its kin
  made.compare.sign_of_zero = op_case.sign_of_zero;
  if (data == Data::kExact) made.compare.most = op_case.product ? 0.25 : 0;
  return made;
}

// ---- For lists of a theme --------------------------------------------------------------------------------------------

Fill product_fill(DType dtype, std::int64_t terms) {
  const double digits = dtype == DType::kBF16 ? 8 : dtype == DType::kF16 ? 11 : 24;
  const double most = std::floor(std::sqrt(std::ldexp(1.0, static_cast<int>(digits)) / static_cast<double>(std::max<std::int64_t>(terms, 1))));
  Fill fill;
  fill.most = std::clamp(most, 1.0, 8.0);
  fill.least = -fill.most;
  return fill;
}

std::string dims_text(const Sizes& dims) {
  std::string out;
  for (const std::int64_t dim : dims) out += (out.empty() ? "" : "x") + std::to_string(dim);
  return out.empty() ? "s" : out;
}

OperandCase operand(DType dtype, Sizes dims, Fill fill) { return {dtype, std::move(dims), std::move(fill), false, {}}; }

OperandCase index_operand(DType dtype, Sizes dims, std::int64_t limit) {
  Fill fill;
  fill.low = fill.least = 0;
  fill.high = static_cast<double>(limit);
  fill.most = static_cast<double>(limit - 1);
  return operand(dtype, std::move(dims), fill);
}

OperandCase given(DType dtype, Sizes dims, std::vector<std::int64_t> elements) {
  Fill fill;
  fill.reals.assign(elements.begin(), elements.end());
  fill.integers = std::move(elements);
  return operand(dtype, std::move(dims), fill);
}

AttrValue integers(std::initializer_list<std::int64_t> list) { return Dims(list.begin(), list.end()); }
AttrValue integers(const Sizes& list) { return Dims(list.begin(), list.end()); }

}  // namespace rlx::conform
