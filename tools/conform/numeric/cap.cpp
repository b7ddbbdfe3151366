// SPDX-License-Identifier: Apache-2.0
// CAP-01: what is NATIVE as a whole compiles, runs and is right: every claimed function of unary and binary, in every
// claimed dtype, on values that lie in its domain.
#include <rlx/ops.h>

#include <cstring>

#include "tools/conform/numeric/groups.h"
#include "tools/conform/numeric/image_builder.h"

namespace rlx::conform {
namespace {

constexpr DType kDtypes[] = {DType::kBool, DType::kI8,  DType::kI16, DType::kI32,  DType::kI64, DType::kU8, DType::kU16,
                             DType::kU32,  DType::kU64, DType::kF16, DType::kBF16, DType::kF32, DType::kF64};

struct Function {
  const char* name;
  std::uint32_t number;
  bool reals, integers, bools;
  double low, high;  ///< of the operands, where they are reals
};

constexpr Function kUnary[] = {
    {"neg", RLX_UNARY_NEG, true, true, false, -9, 9},       {"abs", RLX_UNARY_ABS, true, true, false, -9, 9},
    {"sign", RLX_UNARY_SIGN, true, true, false, -9, 9},     {"floor", RLX_UNARY_FLOOR, true, false, false, -9, 9},
    {"ceil", RLX_UNARY_CEIL, true, false, false, -9, 9},    {"trunc", RLX_UNARY_TRUNC, true, false, false, -9, 9},
    {"round_even", RLX_UNARY_ROUND_EVEN, true, false, false, -9, 9},
    {"exp", RLX_UNARY_EXP, true, false, false, -4, 4},      {"expm1", RLX_UNARY_EXPM1, true, false, false, -4, 4},
    {"log", RLX_UNARY_LOG, true, false, false, 0.1, 9},     {"log1p", RLX_UNARY_LOG1P, true, false, false, -0.5, 9},
    {"sqrt", RLX_UNARY_SQRT, true, false, false, 0, 9},     {"rsqrt", RLX_UNARY_RSQRT, true, false, false, 0.1, 9},
    {"recip", RLX_UNARY_RECIP, true, false, false, 0.1, 9}, {"sin", RLX_UNARY_SIN, true, false, false, -4, 4},
    {"cos", RLX_UNARY_COS, true, false, false, -4, 4},      {"tan", RLX_UNARY_TAN, true, false, false, -1, 1},
    {"asin", RLX_UNARY_ASIN, true, false, false, -0.9, 0.9}, {"acos", RLX_UNARY_ACOS, true, false, false, -0.9, 0.9},
    {"atan", RLX_UNARY_ATAN, true, false, false, -4, 4},    {"sinh", RLX_UNARY_SINH, true, false, false, -4, 4},
    {"cosh", RLX_UNARY_COSH, true, false, false, -4, 4},    {"tanh", RLX_UNARY_TANH, true, false, false, -4, 4},
    {"asinh", RLX_UNARY_ASINH, true, false, false, -4, 4},  {"acosh", RLX_UNARY_ACOSH, true, false, false, 1.1, 9},
    {"atanh", RLX_UNARY_ATANH, true, false, false, -0.9, 0.9}, {"erf", RLX_UNARY_ERF, true, false, false, -4, 4},
    {"sigmoid", RLX_UNARY_SIGMOID, true, false, false, -4, 4}, {"not", RLX_UNARY_NOT, false, true, true, 0, 0},
};

constexpr Function kBinary[] = {
    {"add", RLX_BINARY_ADD, true, true, false, -9, 9},   {"sub", RLX_BINARY_SUB, true, true, false, -9, 9},
    {"mul", RLX_BINARY_MUL, true, true, false, -9, 9},   {"div", RLX_BINARY_DIV, true, true, false, 0.1, 9},
    {"mod_floor", RLX_BINARY_MOD_FLOOR, false, true, false, 0, 0}, {"mod_trunc", RLX_BINARY_MOD_TRUNC, false, true, false, 0, 0},
    {"pow", RLX_BINARY_POW, true, true, false, 0.1, 3},  {"max", RLX_BINARY_MAX, true, true, false, -9, 9},
    {"min", RLX_BINARY_MIN, true, true, false, -9, 9},   {"and", RLX_BINARY_AND, false, true, true, 0, 0},
    {"or", RLX_BINARY_OR, false, true, true, 0, 0},      {"xor", RLX_BINARY_XOR, false, true, true, 0, 0},
    {"shl", RLX_BINARY_SHL, false, true, false, 0, 0},   {"shr_logical", RLX_BINARY_SHR_LOGICAL, false, true, false, 0, 0},
};

bool takes(const Function& function, DType dtype) {
  return dtype == DType::kBool ? function.bools : is_float(dtype) ? function.reals : function.integers;
}

void list(const Facts& facts, std::uint32_t opcode, const char* op, std::span<const Function> functions, std::vector<std::string>& keys) {
  for (const Function& function : functions)
    for (const DType dtype : kDtypes)
      if (takes(function, dtype) && claimed(facts, opcode, std::uint64_t{1} << static_cast<unsigned>(dtype), function.number))
        keys.push_back(std::string(op) + "/" + function.name + "/" + std::string(dtype_name(dtype)));
}

std::vector<std::string> pointwise_cases(const Facts& facts, int) {
  std::vector<std::string> keys;
  list(facts, RLX_OP_UNARY, "unary", kUnary, keys);
  list(facts, RLX_OP_BINARY, "binary", kBinary, keys);
  return keys;
}

Result<NumericCase> make_pointwise(const std::string& key, std::uint64_t seed, const Facts&) {
  const std::size_t first = key.find('/'), second = key.rfind('/');
  const bool unary = key.starts_with("unary");
  const std::string name = key.substr(first + 1, second - first - 1);
  const DType dtype = dtype_from_name(key.substr(second + 1));
  const Function* found = nullptr;
  for (const Function& function : unary ? std::span<const Function>(kUnary) : std::span<const Function>(kBinary))
    if (name == function.name) found = &function;
  if (!found || dtype == DType::kNone) return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
  const Dims dims = {5, 37};  // whole vectors and a tail, for every width
  ImageBuilder builder;
  std::vector<std::uint32_t> operands = {builder.input("a", dtype, dims)};
  if (!unary) operands.push_back(builder.input("b", dtype, dims));
  builder.op(unary ? RLX_OP_UNARY : RLX_OP_BINARY, operands, {builder.output("y", dtype, dims)}, {{RLX_ATTR_FN, Dim(found->number)}});
  NumericCase made;
  RLX_ASSIGN(const lir::Image image, builder.image());
  made.image = bytes_of(image);
  Random random(seed);
  for (std::size_t i = 0; i < operands.size(); ++i)
    made.inputs.push_back(is_float(dtype) ? fill_uniform(dtype, 5 * 37, found->low, found->high, random) : fill_whole(dtype, 5 * 37, random));
  return made;
}

constexpr NumericCheck kChecks[] = {
    {"CAP-01", 3, "What is NATIVE as a whole compiles, runs and is right: every claimed function in every claimed dtype.", 185, pointwise_cases, make_pointwise},
};

}  // namespace

std::span<const NumericCheck> cap_numeric_checks() { return kChecks; }

}  // namespace rlx::conform
