// SPDX-License-Identifier: Apache-2.0
// Valid operations by the hundred: for every opcode, function, dtype and attribute class operands that fit, with the
// values that suit them. The OPS checks run them one by one; checks of memory, sizes and determinism, and random graphs,
// take them as building stones.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"
#include "runtime/reference/tensor.h"
#include "tools/conform/numeric/image_builder.h"
#include "tools/conform/numeric/numeric.h"

namespace rlx::conform {

using reference::Sizes;

/// What an operand holds. Given elements, repeated from the first on, come before both ranges.
struct Fill {
  double low = -2, high = 2;    ///< tame data: in [low, high); integers: the whole numbers of it
  double least = -8, most = 8;  ///< exact data: whole numbers in [least, most] (unsigned: those from 0 on)
  std::vector<double> reals;            ///< given elements of a float operand
  std::vector<std::int64_t> integers;   ///< given elements of any other operand
  bool units = false;                   ///< exact data: 1 and -1 (unsigned: 1), few 2
};

/// The operand is a strided window of a dense tensor.
struct Window {
  Sizes root;       ///< dims of the tensor
  Sizes strides;    ///< in elements, one per axis of the operand
  std::int64_t offset = 0;  ///< of element [0,..,0], in elements
};

struct OperandCase {
  DType dtype = DType::kF32;  ///< kNone: absent
  Sizes dims;
  Fill fill;
  bool param = false;         ///< of the param set, not an input
  std::optional<Window> window;
};

struct OpCase {
  std::string name = {};  ///< "reduce.sum/f32/axis1_keep": a key, unique in its list
  Opcode op = 0;
  std::uint32_t fn = 0;  ///< value of FN; 0 where the op has none
  std::vector<OperandCase> operands = {};
  Attributes attributes = {};
  std::vector<std::shared_ptr<const Graph>> regions = {};  ///< of elementwise, if and while; other composites get their expansion
  std::size_t results = 0;                            ///< how many are asked for; 0: all
  bool exact = false;   ///< exact data (Fill::least, most) have exact answers, in any order
  bool product = false; ///< sums of products: precision classes matter
  bool sign_of_zero = false;  ///< -0 and 0 are told apart
  bool refused = false;       ///< the data are wrong: DATA_ERROR
  int effort = 1;       ///< the profile that runs it: 0 quick, 1 ci, 2 full

  DType dtype() const { return operands.empty() ? DType::kNone : operands[0].dtype; }
};

/// The standing list: every op of the registry with a version, each in several attribute classes and every dtype that it
/// has. Made once; any thread.
const std::vector<OpCase>& all_op_cases();

/// Those that a claim row covers: opcode, version, function, dtypes of operands and results, rank, layouts.
bool covers(const Facts& facts, const OpCase& op_case);
/// Of `all_op_cases`, those of the profile that the claims cover.
std::vector<const OpCase*> op_cases(const Facts& facts, int effort);

/// Errors: as rlx::infer, for a case that is wrong.
Result<std::vector<Shape>> result_shapes(const OpCase& op_case);
/// Inputs, params and views for all operands of a case, in their order; RLX_NO_INDEX for absent ones.
std::vector<std::uint32_t> add_operands(ImageBuilder& builder, const OpCase& op_case, const std::string& prefix = "");
/// Appends the op to the main graph over values of the right shapes, with the region that its kind carries. Results are new
/// outputs where `output_prefix` is not empty, else temps.
Result<std::vector<std::uint32_t>> append_op(ImageBuilder& builder, const OpCase& op_case, const std::vector<std::uint32_t>& operands,
                                             const std::string& output_prefix = "y");

enum class Data { kTame, kExact };
/// How an operand lies in a tensor of its own.
enum class Way { kDense, kGaps, kReversed, kSwapped, kRepeated, kOffset };
/// The same case with operand `index` as a window of a tensor of its own; the dims stay. Nothing where the way changes nothing.
std::optional<OpCase> through_window(const OpCase& op_case, std::size_t index, Way way);
/// Bytes of an operand (of its whole root, where it is a window).
std::string fill_operand(const OperandCase& operand, Data data, Random& random);
/// Image, inputs and params of one op alone. Exact data of products compare within min(bound, 1/4), others exactly.
Result<NumericCase> make_op_case(const OpCase& op_case, Data data, std::uint64_t seed);

/// Lowers a graph whose dims are numbers into a region of the image: views for reshape, transpose, broadcast and slice.
/// Returns the region's index. Errors: a size that is no number; a copy of what no view can show is inserted.
Result<std::uint32_t> add_region(ImageBuilder& builder, const Graph& graph);
/// The region that a composite carries, with its first `results` results.
Result<std::uint32_t> add_expansion(ImageBuilder& builder, Opcode op, std::span<const Shape> operands, const Attributes& attributes, std::size_t results);

// ---- For lists of a theme --------------------------------------------------------------------------------------------
/// Dtypes that count: all but sub-byte ones.
std::span<const DType> all_dtypes();
std::span<const DType> number_dtypes();
std::span<const DType> float_dtypes();
std::span<const DType> integer_dtypes();
/// Exact data for sums of `terms` products: whole numbers small enough that every partial sum is exact in the dtype.
Fill product_fill(DType dtype, std::int64_t terms);
/// Dims as text: "3x17"; "s" for a scalar.
std::string dims_text(const Sizes& dims);
OperandCase operand(DType dtype, Sizes dims, Fill fill = {});
OperandCase index_operand(DType dtype, Sizes dims, std::int64_t limit);  ///< random valid indices 0 .. limit-1
OperandCase given(DType dtype, Sizes dims, std::vector<std::int64_t> elements);
AttrValue integers(std::initializer_list<std::int64_t> list);
AttrValue integers(const Sizes& list);
inline AttrValue number(std::int64_t value) { return Dim(value); }

/// Functions of the pointwise ops, with the operands that lie in their domain.
struct PointwiseFunction {
  const char* name;
  std::uint32_t fn;
  bool reals, ints, bools;
  double low, high;  ///< of real operands
  bool exact;        ///< of whole reals
};
std::span<const PointwiseFunction> unary_functions();
std::span<const PointwiseFunction> binary_functions();
std::span<const PointwiseFunction> act_functions();
bool takes(const PointwiseFunction& function, DType dtype);
OpCase unary_case(const PointwiseFunction& function, DType dtype, Sizes dims);
OpCase binary_case(const PointwiseFunction& function, DType dtype, Sizes a, Sizes b);
OpCase act_case(const PointwiseFunction& function, DType dtype, Sizes dims);

// ---- The families that make the standing list, each in op_cases_FAMILY.cpp --------------------------------------------
void pointwise_cases(std::vector<OpCase>& out);
void movement_cases(std::vector<OpCase>& out);
void index_cases(std::vector<OpCase>& out);
void reduce_cases(std::vector<OpCase>& out);
void product_cases(std::vector<OpCase>& out);
void norm_cases(std::vector<OpCase>& out);
void attention_cases(std::vector<OpCase>& out);
void control_cases(std::vector<OpCase>& out);

}  // namespace rlx::conform
