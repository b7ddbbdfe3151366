// SPDX-License-Identifier: Apache-2.0
#include "runtime/ir/lir/dim_tape.h"

#include <algorithm>

namespace rlx::lir {
namespace {

bool divide(Dim::Kind kind, std::int64_t a, std::int64_t b, std::int64_t& out) {
  if (b == 0 || b == -1) return false;  // -1 is rare, and INT64_MIN by it has no result
  const std::int64_t quotient = a / b;
  const std::int64_t rest = a % b;
  const bool below = rest != 0 && (rest < 0) != (b < 0);
  if (kind == Dim::Kind::kFloorDiv) out = quotient - below;
  if (kind == Dim::Kind::kCeilDiv) out = quotient + (rest != 0 && !below);
  if (kind == Dim::Kind::kMod) out = below ? rest + b : rest;
  return true;
}

}  // namespace

std::uint32_t DimTape::add(const Dim& dim) {
  if (const auto known = slots_.find(dim); known != slots_.end()) return known->second;
  Step step{dim.kind(), 0, 0, 0};
  if (dim.is_number()) {
    step.number = dim.number();
  } else if (dim.is_symbol()) {
    step.first = static_cast<std::uint32_t>(symbols_.size());
    symbols_.push_back(dim.symbol_name());
  } else {
    std::vector<std::uint32_t> operands;
    for (const Dim& operand : dim.operands()) operands.push_back(add(operand));
    step.first = static_cast<std::uint32_t>(operands_.size());
    step.count = static_cast<std::uint32_t>(operands.size());
    operands_.insert(operands_.end(), operands.begin(), operands.end());
  }
  const auto slot = static_cast<std::uint32_t>(steps_.size());
  steps_.push_back(step);
  slots_.emplace(dim, slot);
  return slot;
}

bool DimTape::evaluate(const DimBinding& binding, std::int64_t* sizes) const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].kind == Dim::Kind::kSymbol) {
      const auto size = binding.find(symbols_[steps_[i].first]);
      if (size == binding.end()) return false;
      sizes[i] = size->second;
    } else if (!step(steps_[i], sizes, sizes[i])) {
      return false;
    }
  }
  return true;
}

bool DimTape::step(const Step& step, const std::int64_t* sizes, std::int64_t& out) const {
  const std::uint32_t* operands = operands_.data() + step.first;
  if (step.kind == Dim::Kind::kNumber) {
    out = step.number;
    return true;
  }
  out = sizes[operands[0]];
  for (std::uint32_t i = 1; i < step.count; ++i) {
    const std::int64_t operand = sizes[operands[i]];
    switch (step.kind) {
      case Dim::Kind::kAdd:
        if (__builtin_add_overflow(out, operand, &out)) return false;
        break;
      case Dim::Kind::kMul:
        if (__builtin_mul_overflow(out, operand, &out)) return false;
        break;
      case Dim::Kind::kMin: out = std::min(out, operand); break;
      case Dim::Kind::kMax: out = std::max(out, operand); break;
      default: return divide(step.kind, out, operand, out);
    }
  }
  return true;
}

}  // namespace rlx::lir
