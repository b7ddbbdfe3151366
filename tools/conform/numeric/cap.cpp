// SPDX-License-Identifier: Apache-2.0
// CAP-01: what is NATIVE as a whole compiles, runs and is right: every claimed function of unary and binary, in every
// claimed dtype, on values that lie in its domain.
#include "tools/conform/numeric/groups.h"
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

void list(const Facts& facts, std::uint32_t opcode, const char* op, std::span<const PointwiseFunction> functions, std::vector<std::string>& keys) {
  for (const PointwiseFunction& function : functions)
    for (const DType dtype : all_dtypes())
      if (takes(function, dtype) && claimed(facts, opcode, std::uint64_t{1} << static_cast<unsigned>(dtype), function.fn))
        keys.push_back(std::string(op) + "/" + function.name + "/" + std::string(dtype_name(dtype)));
}

std::vector<std::string> pointwise_cases(const Facts& facts, int) {
  std::vector<std::string> keys;
  list(facts, RLX_OP_UNARY, "unary", unary_functions(), keys);
  list(facts, RLX_OP_BINARY, "binary", binary_functions(), keys);
  return keys;
}

Result<NumericCase> make_pointwise(const std::string& key, std::uint64_t seed, const Facts&) {
  const std::size_t first = key.find('/'), second = key.rfind('/');
  const bool unary = key.starts_with("unary");
  const std::string name = key.substr(first + 1, second - first - 1);
  const DType dtype = dtype_from_name(key.substr(second + 1));
  const PointwiseFunction* found = nullptr;
  for (const PointwiseFunction& function : unary ? unary_functions() : binary_functions())
    if (name == function.name) found = &function;
  if (!found || dtype == DType::kNone) return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
  const Sizes dims = {5, 37};  // whole vectors and a tail, for every width
  return make_op_case(unary ? unary_case(*found, dtype, dims) : binary_case(*found, dtype, dims, dims), Data::kTame, seed);
}

constexpr NumericCheck kChecks[] = {
    {"CAP-01", 3, "What is NATIVE as a whole compiles, runs and is right: every claimed function in every claimed dtype.", 185, pointwise_cases, make_pointwise},
};

}  // namespace

std::span<const NumericCheck> cap_numeric_checks() { return kChecks; }

}  // namespace rlx::conform
