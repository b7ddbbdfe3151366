// SPDX-License-Identifier: Apache-2.0
// A device as compiling sees it: plain data and one question. Compiling never sees a plugin, so it is tested without one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/base/span.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// Which strides an operand may have. Numbers are RLX_LAYOUT_*.
enum class Layout : std::uint8_t { kDense = 0, kInnerDense = 1, kAny = 2 };

/// One row of a backend's claims (rlx_claim): necessary, not sufficient.
struct ClaimRow {
  Opcode opcode = 0;
  std::uint32_t version_min = 1, version_max = 1;
  std::uint32_t max_rank = 8;
  std::uint64_t dtypes = ~std::uint64_t{0};
  std::uint64_t functions = ~std::uint64_t{0};
  std::uint64_t operand_layouts = ~std::uint64_t{0};  ///< two bits an operand
};

/// A backend's answer about one op of an image.
struct Verdict {
  enum class Kind : std::uint8_t { kUnsupported = 0, kNative = 1, kExpand = 2 };
  Kind kind = Kind::kUnsupported;
  std::string reason;
  std::uint32_t group = 0;  ///< ops of one non-zero group stand only together
};

struct TargetAnswer {
  std::vector<Verdict> verdicts;  ///< one per op of the image, region ops included
  bool depends_on_dims = false;     ///< false: holds for every binding of the same skeleton
};

struct Target {
  std::string name;      ///< for messages: "cpu:0 (org.example.cpu 0.1.0)"
  std::string identity;  ///< plugin identity, device fingerprint, options that affect code: keys what is remembered
  std::vector<ClaimRow> claims;
  std::function<Result<TargetAnswer>(Bytes image)> query;
};

/// The most permissive layout that a claim row of `opcode` and `dtype` gives operand `index`; kAny where no row is
/// (the support query refuses the op, not this).
Layout operand_layout(const Target& target, Opcode opcode, DType dtype, std::size_t index);

}  // namespace rlx
