// SPDX-License-Identifier: Apache-2.0
// An op is folded only where this file computes it exactly as the registry says; everything else stays.
#include "runtime/compile/passes/fold_constants.h"

#include <cmath>

#include "runtime/compile/passes/constant_data.h"
#include "runtime/compile/passes/fold_numbers.h"
#include "runtime/compile/passes/rewrite.h"

namespace rlx {
namespace {

constexpr std::size_t kMostElements = 1024;

std::optional<std::vector<Numbers>> operands_of(const Rewriter& rewriter, const Node& node) {
  std::vector<Numbers> operands;
  for (const ValueId id : node.operands) {
    if (id == kAbsent || rewriter.graph().values[id].kind != ValueKind::kConstant) return std::nullopt;
    const Constant& constant = rewriter.graph().constants[rewriter.graph().values[id].index];
    if (constant.bytes->size() > kMostElements * dtype_bytes(constant.shape.dtype)) return std::nullopt;
    auto numbers = read_numbers(constant);
    if (!numbers) return std::nullopt;
    operands.push_back(*std::move(numbers));
  }
  return operands;
}

/// An empty result of the node's shape; none where it is open or large.
std::optional<Numbers> room_for(const Shape& shape) {
  Numbers result{shape.dtype, {}, {}, {}};
  std::int64_t count = 1;
  for (const Dim& dim : shape.dims) {
    if (!dim.is_number()) return std::nullopt;
    result.dims.push_back(dim.number());
    if (__builtin_mul_overflow(count, dim.number(), &count)) return std::nullopt;
  }
  if (count > static_cast<std::int64_t>(kMostElements) || shape.dtype == DType::kU64) return std::nullopt;
  if (is_float(shape.dtype))
    result.real.resize(static_cast<std::size_t>(count));
  else
    result.whole.resize(static_cast<std::size_t>(count));
  return result;
}

}  // namespace

Status fold_constants(Graph& graph) {
  Rewriter(graph).run([](Rewriter& rewriter, const Node& node) {
    if (!node.ns.empty() || node.results.size() != 1 || rewriter.is_output(node.results[0])) return;
    const auto operands = operands_of(rewriter, node);
    if (!operands) return;
    const Shape shape = rewriter.shape(node.results[0]);
    auto result = room_for(shape);
    if (!result || !fold(node, *operands, *result)) return;
    const ValueId made = rewriter.graph().add_constant(shape, write_numbers(*result));
    rewriter.replace(node.results[0], made);
  });
  return {};
}

}  // namespace rlx
