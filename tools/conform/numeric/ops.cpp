// SPDX-License-Identifier: Apache-2.0
// OPS: single operations. One so far, as the pattern for the others: add, exact on whole numbers and within its bound.
#include <rlx/ops.h>

#include "tools/conform/numeric/groups.h"
#include "tools/conform/numeric/image_builder.h"

namespace rlx::conform {
namespace {

constexpr DType kDtypes[] = {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI32, DType::kI64};
constexpr std::int64_t kWidths[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 67, 127, 1000};

/// "add/f32/17": dtype and width of the claimed dtypes.
std::vector<std::string> add_cases(const Facts& facts, int effort) {
  std::vector<std::string> keys;
  for (const DType dtype : kDtypes) {
    if (!claimed(facts, RLX_OP_BINARY, std::uint64_t{1} << static_cast<unsigned>(dtype), RLX_BINARY_ADD)) continue;
    for (std::size_t i = 0; i < std::size(kWidths); i += effort ? 1 : 4)
      keys.push_back("add/" + std::string(dtype_name(dtype)) + "/" + std::to_string(kWidths[i]));
  }
  return keys;
}

Result<NumericCase> make_add(const std::string& key, std::uint64_t seed, bool exact) {
  const std::size_t slash = key.rfind('/');
  const DType dtype = dtype_from_name(key.substr(4, slash - 4));
  const std::int64_t width = std::stoll(key.substr(slash + 1));
  const Dims dims = {3, width};
  ImageBuilder builder;
  const auto a = builder.input("a", dtype, dims), b = builder.input("b", dtype, dims);
  builder.op(RLX_OP_BINARY, {a, b}, {builder.output("y", dtype, dims)}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}});
  NumericCase made;
  RLX_ASSIGN(const lir::Image image, builder.image());
  made.image = bytes_of(image);
  Random random(seed);
  const auto count = static_cast<std::uint64_t>(3 * width);
  for (int i = 0; i < 2; ++i)
    made.inputs.push_back(exact ? fill_whole(dtype, count, random) : fill_uniform(dtype, count, -100, 100, random));
  if (exact) made.compare.most = 0;
  return made;
}

Result<NumericCase> make_exact(const std::string& key, std::uint64_t seed, const Facts&) { return make_add(key, seed, true); }
Result<NumericCase> make_bound(const std::string& key, std::uint64_t seed, const Facts&) { return make_add(key, seed, false); }

constexpr NumericCheck kChecks[] = {
    {"OPS-01", 3, "Every element lies within its own error bound, over shapes and dtypes that are claimed.", 50, add_cases, make_bound},
    {"OPS-02", 3, "On small whole numbers, whose results are exact in any order, every element is exact.", 50, add_cases, make_exact},
};

}  // namespace

std::span<const NumericCheck> ops_checks() { return kChecks; }

}  // namespace rlx::conform
