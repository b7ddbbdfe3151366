// SPDX-License-Identifier: Apache-2.0
// Many dims as one straight-line program: every distinct subexpression is one step, evaluated once per binding.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/ir/dim.h"

namespace rlx::lir {

class DimTape {
 public:
  /// The slot that will hold the size of `dim`.
  std::uint32_t add(const Dim& dim);
  std::size_t slots() const { return steps_.size(); }

  /// Fills `sizes`, slots() of them. False where a symbol is missing or a step has no result in 64 bits; the caller then
  /// asks Dim::evaluate, which decides and says why. Allocates nothing.
  bool evaluate(const DimBinding& binding, std::int64_t* sizes) const;

 private:
  struct Step {
    Dim::Kind kind;
    std::uint32_t first;  ///< operand, or name of a symbol
    std::uint32_t count;
    std::int64_t number;
  };
  struct Less {
    bool operator()(const Dim& a, const Dim& b) const { return Dim::compare(a, b) < 0; }
  };
  bool step(const Step& step, const std::int64_t* sizes, std::int64_t& out) const;

  std::vector<Step> steps_;
  std::vector<std::uint32_t> operands_;
  std::vector<std::string> symbols_;
  std::map<Dim, std::uint32_t, Less> slots_;
};

}  // namespace rlx::lir
